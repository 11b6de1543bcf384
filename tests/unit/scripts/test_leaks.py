import subprocess
import sys

import pytest

from nightdrop.scripts.leaks import MAX_FINDINGS, find_leaks

# Put together here, so that this file holds no text in the form of a key.
GITHUB = "ghp_" + "0123456789abcdefghijklmnopqrstuvwxyz"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
SLACK = "xoxb" + "-123456789012-1234567890123-abcdefABCDEF0123456789"
STRIPE = "sk_live" + "_abcdefghijklmnopqrstuvwx"
AGE = "AGE-SECRET-KEY-1" + "QQPZ3ZT0Y2R8S9V6W5X4E7U3K2J1H0G9F8D7S6A5P4L3K2J1H0G"
PRIVATE = "-----BEGIN OPENSSH " + "PRIVATE KEY-----"
RANDOM = "q8Zx2Lw9vTn4Ks7Jf3Hd6Gb1Yc5Rp0Wm"


@pytest.mark.parametrize(
    ("code", "title", "suggestion"),
    [
        (f'let x = "{GITHUB}";', "GitHub token", "github-token"),
        (f"let x = '{AWS}';", "AWS key", "aws-key"),
        (f"Log(`{SLACK}`);", "Slack token", "slack-token"),
        (f'pay("{STRIPE}");', "Stripe key", "stripe-key"),
        (f'cli.OTFEKey = "{AGE}";', "age identity", "cli-otfekey"),
        (f"let key = `{PRIVATE}\nabc`;", "Private key", "key"),
        ('cli.Url = "https://user:pw123456@host.example/";', "Password in an address", "cli-url"),
        ('const apiKey = "hunter22";', "Password or key", "api-key"),
        ('let PASSWORD = "hunter22";', "Password or key", "password"),
        ('cli.Pass = "hunter22";', "Password or key", "cli-pass"),
        ('cli["Pass"] = "hunter22";', "Password or key", "pass"),
        ('let o = { password: "hunter22" };', "Password or key", "password"),
        ('let o = { "X-Api-Key": "hunter22" };', "Password or key", "x-api-key"),
        ('cli.Header("Authorization", "Bearer abcdef");', "Password or key", "authorization"),
        ('cli.OTFEKey = "correct horse battery";', "Password or key", "cli-otfekey"),
        ('let p = Params.token ?? "hunter22";', "Password or key", "params-token"),
        ('if (pw === "hunter22") {}', "Password or key", "password-or-key"),
        (f'send("{RANDOM}");', "Random-looking text", "random-looking-text"),
        ('send("9f86d081884c7d659a2feaa0c55ad015");', "Random-looking text", "random-looking-text"),
    ],
)
def test_what_is_found(code, title, suggestion):
    (leak,) = find_leaks(code)
    assert leak.title == title
    assert leak.movable
    assert code[leak.start : leak.end].strip("\"'`") not in code[: leak.start]
    assert code[leak.start] in "\"'`"
    assert leak.suggestion == suggestion


@pytest.mark.parametrize(
    "code",
    [
        'let key = GetSecret("my-password-0123456789ABCdef");',
        'let key = RequireSecret("api-key");',
        'cli.PassFromSecret = "backup-password";',
        'cli.KeyFileSecret = "id-of-key";',
        'cli.HeaderFromSecret("Authorization", "Bearer {api-key}");',
        'cli.HostKey = "SHA256:q8Zx2Lw9vTn4Ks7Jf3Hd6Gb1Yc5q8Zx2Lw9vTn4Ks7J";',
        'let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";',
        'let id = "0f8fad5b-d9cb-469f-a165-70867728950e";',
        'cli.OTFEKey = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudwsxl2sqq0yy7";'.replace(
            "OTFEKey", "Recipient"
        ),
        'let tokenUrl = "https://login.example/token";',
        'let password = "";',
        "let password = Params.password;",
        'let auth = "basic";',
        'let o = { type: "password" };',
        'let dir = "/var/lib/exports/2026/november";',
        'let text = "the quick brown fox jumps over the lazy dog";',
        "let n = 12345678901234567890;",
        "// the password is in Secrets",
    ],
)
def test_what_is_left_alone(code):
    assert find_leaks(code) == ()


def test_a_key_in_a_comment_or_a_template_is_found_and_not_moved_by_a_click():
    code = f"// old: {AWS}\nlet u = `https://x/${{a}}?k={GITHUB}`;\n/* {STRIPE} */"
    assert [(leak.line, leak.title, leak.movable) for leak in find_leaks(code)] == [
        (1, "AWS key", False),
        (2, "GitHub token", False),
        (3, "Stripe key", False),
    ]


def test_what_is_no_program_is_looked_at_too():
    (leak,) = find_leaks(f'let x = "open {GITHUB}')
    assert leak.title == "GitHub token"
    assert not leak.movable


def test_a_finding_shows_no_value():
    assert GITHUB not in repr(find_leaks(f'let x = "{GITHUB}";'))


def test_there_is_an_end():
    assert len(find_leaks('let password = "hunter22";\n' * (MAX_FINDINGS + 5))) == MAX_FINDINGS


def test_the_library_is_loaded_only_when_somebody_asks():
    code = "import sys, nightdrop.scripts.store; print('detect_secrets' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
