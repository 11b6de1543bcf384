"""Writes the vectors; ``--check`` compares instead. Sealed ones are kept, the rest is computed: see README.md."""

import base64
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import encrypted
import signed

from nightdrop.crypto import identity, info, seeds
from nightdrop.crypto.header import HEADER_BYTES, pack_header
from nightdrop.crypto.policy import Policy
from nightdrop.crypto.record import encode_record
from nightdrop.crypto.suite import SUITE, hpke_encrypt
from nightdrop.keys import printed

HERE = Path(__file__).parent
Vector = dict[str, Any]
Vectors = list[Vector]

SITE = {"site_id": "ste_01jd0000000000000000000001", "epoch": 3, "name": "api key", "revision": 7}
ENC_END = HEADER_BYTES + 1120
MLKEM_END = HEADER_BYTES + 1088


def test_seed(name: str) -> bytes:
    return hashlib.sha256(f"nightdrop vector: {name}".encode()).digest()


SEEDS = {name: test_seed(name) for name in ("site key", "other site key", "node key", "recovery key", "identity")}
# The first test vector of draft-connolly-cfrg-xwing-kem.
DRAFT_SEED = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")


def b64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()


def flip(data: bytes, index: int, mask: int = 1) -> bytes:
    changed = bytearray(data)
    changed[index] ^= mask
    return bytes(changed)


def stored(file: str) -> dict[str, bytes]:
    path = HERE / file
    if not path.exists():
        return {}
    rows = json.loads(path.read_bytes())
    return {vector["id"]: base64.b64decode(vector["sealed"]) for vector in rows if "sealed" in vector}


def xwing() -> Vectors:
    named = {"draft": DRAFT_SEED, **SEEDS}
    return [
        {"id": name, "failure": None, "seed": seed.hex(), "public_key": seeds.public_key_from_seed(seed).hex()}
        for name, seed in named.items()
    ]


def infos() -> Vectors:
    secret = [
        SITE,
        SITE | {"name": "api", "site_id": SITE["site_id"] + "key"},
        {"site_id": "s", "epoch": 0, "name": "n", "revision": 0},
        {"site_id": "s", "epoch": 2**32 - 1, "name": "n", "revision": 2**64 - 1},
    ]
    node = seeds.public_key_from_seed(SEEDS["node key"])
    rows: Vectors = [
        {
            "id": f"secret-{number}",
            "failure": None,
            "of": "secret",
            **fields,
            "info": info.secret_info(SUITE, **fields).hex(),
        }
        for number, fields in enumerate(secret, 1)
    ]
    for purpose, subject, epoch in (("site", SITE["site_id"], 3), ("identity", "", 1)):
        rows.append({
            "id": f"seed-{purpose}", "failure": None, "of": "seed", "purpose": purpose, "subject": subject, "epoch": epoch,
            "recipient": node.hex(), "info": info.seed_info(SUITE, purpose, subject, epoch, node).hex(),
        })  # fmt: skip
    return rows


FULL_POLICY = {
    "mode": "use",
    "hosts": ["*.example.net:8443", "api.example.com"],
    "scripts": ["scr_01jd0000000000000000000002"],
    "expires_ms": 1893456000000,
}


def policy_of(fields: Vector) -> Policy:
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Policy(**{**fields, **lists})


def policies() -> Vectors:
    good = {
        "default": {},
        "use": {"mode": "use"},
        "hosts": {"hosts": ["a.example", "b.example"]},
        "scripts": {"scripts": ["scr_1", "scr_2"]},
        "expires-first": {"expires_ms": 1},
        "expires-last": {"expires_ms": 2**53 - 1},
        "full": FULL_POLICY,
    }
    rows: Vectors = [
        {"id": name, "failure": None, "encoded": policy_of(fields).encode().hex(), "policy": fields}
        for name, fields in good.items()
    ]
    return rows + [{"id": name, "failure": "policy", "encoded": text.hex()} for name, text in BAD_POLICIES.items()]


BAD_POLICIES = {
    "empty": b"",
    "not-json": b"{",
    "not-an-object": b"[]",
    "null": b"null",
    "no-version": b"{}",
    "version-0": b'{"v":0}',
    "version-2": b'{"v":2}',
    "version-true": b'{"v":true}',
    "version-float": b'{"v":1.0}',
    "version-text": b'{"v":"1"}',
    "unknown-field": b'{"max_uses":1,"v":1}',
    "white-space": b'{"v": 1}',
    "trailing-newline": b'{"v":1}\n',
    "byte-order-mark": b'\xef\xbb\xbf{"v":1}',
    "wrong-key-order": b'{"v":1,"mode":"use"}',
    "repeated-key": b'{"mode":"use","mode":"use","v":1}',
    "repeated-version": b'{"v":1,"v":1}',
    "default-spelled-out": b'{"mode":"read","v":1}',
    "empty-list-spelled-out": b'{"hosts":[],"v":1}',
    "null-spelled-out": b'{"expires_ms":null,"v":1}',
    "unknown-mode": b'{"mode":"admin","v":1}',
    "mode-is-list": b'{"mode":["use"],"v":1}',
    "hosts-is-text": b'{"hosts":"a.example","v":1}',
    "hosts-unsorted": b'{"hosts":["b.example","a.example"],"v":1}',
    "hosts-repeated": b'{"hosts":["a.example","a.example"],"v":1}',
    "hosts-upper-case": b'{"hosts":["A.example"],"v":1}',
    "hosts-not-ascii": '{"hosts":["ä.example"],"v":1}'.encode(),
    "hosts-escaped": b'{"hosts":["\\u0061.example"],"v":1}',
    "hosts-space": b'{"hosts":["a b"],"v":1}',
    "hosts-empty-name": b'{"hosts":[""],"v":1}',
    "hosts-number": b'{"hosts":[1],"v":1}',
    "expires-zero": b'{"expires_ms":0,"v":1}',
    "expires-negative": b'{"expires_ms":-1,"v":1}',
    "expires-float": b'{"expires_ms":1.5,"v":1}',
    "expires-exponent": b'{"expires_ms":1e3,"v":1}',
    "expires-true": b'{"expires_ms":true,"v":1}',
    "expires-text": b'{"expires_ms":"1","v":1}',
    "expires-too-late": b'{"expires_ms":9007199254740992,"v":1}',
    "expires-nan": b'{"expires_ms":NaN,"v":1}',
    "deeply-nested": b"[" * 10000,
}


def record(
    value: bytes = b"s3cret",
    *,
    policy: bytes = b'{"v":1}',
    version: int = 1,
    value_length: int | None = None,
    policy_length: int | None = None,
    step: int = 256,
    pad: bytes = b"\0",
    extra: int = 0,
) -> bytes:
    """Build a record by hand, so that the vectors do not depend on the code they test."""
    data = bytes([version]) + (len(policy) if policy_length is None else policy_length).to_bytes(4) + policy
    data += (len(value) if value_length is None else value_length).to_bytes(4) + value
    return data + pad * (-len(data) % step) + b"\0" * extra


def bad_records() -> dict[str, tuple[bytes, str]]:
    plain = record()
    bad = {
        "version-0": record(version=0),
        "version-2": record(version=2),
        "value-empty": record(b""),
        "value-has-nul": record(b"a\0b"),
        "value-not-utf8": record(b"\xff\xfe"),
        "value-surrogate": record(b"\xed\xa0\x80"),
        "value-overlong": record(b"\xc0\xaf"),
        "value-cut-character": record(b"\xe2\x82"),
        "padding-not-zero": flip(plain, 255),
        "padding-first-byte": flip(plain, 1 + 4 + 7 + 4 + 6),
        "padding-of-ones": record(pad=b"\1"),
        "padding-one-block-too-many": record(extra=256),
        "length-too-long": record(value_length=241),
        "length-huge": record(value_length=2**32 - 1),
        "length-one-short": record(value_length=5),
        "policy-length-past-end": record(policy_length=300),
        "policy-length-huge": record(policy_length=2**32 - 1),
        "policy-over-16-KiB": record(policy=b" " * (16 * 1024 + 1)),
    }
    sealed_too = {name: (data, "record") for name, data in bad.items()}
    for name in ("unknown-field", "version-2", "wrong-key-order", "default-spelled-out", "empty", "hosts-unsorted"):
        sealed_too[f"policy-{name}"] = (record(policy=BAD_POLICIES[name]), "policy")
    return sealed_too


def records() -> Vectors:
    good: list[tuple[str, str, int, Vector]] = [
        ("plain", "s3cret", 1, {}),
        ("one-byte", "x", 1, {}),
        ("fills-one-block", "x", 240, {}),
        ("needs-two-blocks", "x", 241, {}),
        ("full-policy", "s3cret", 1, FULL_POLICY),
        ("all-widths", "aé€😀\t\r\n\x7f", 1, {}),
        ("largest", "0123456789abcdef", 65536, {}),
    ]
    rows: Vectors = []
    for name, text, times, policy in good:
        data = bytes(encode_record((text * times).encode(), policy_of(policy)))
        row: Vector = {"id": name, "failure": None, "text_repeat": [text, times], "policy": policy}
        # The largest is described by its digest: a mebibyte of hexadecimal helps nobody.
        row |= {"record": data.hex()} if len(data) < 4096 else {"sha256": hashlib.sha256(data).hexdigest()}
        rows.append(row)
    unsealable = {"empty": b"", "not-padded": record()[:200], "one-byte-more": record() + b"\0"}
    bad = bad_records() | {name: (data, "record") for name, data in unsealable.items()}
    return rows + [{"id": name, "failure": failure, "record": data.hex()} for name, (data, failure) in bad.items()]


def seal(plaintext: bytes | bytearray, fields: Vector) -> bytes:
    public_key = seeds.public_key_from_seed(SEEDS["site key"])
    return pack_header(fields["epoch"]) + hpke_encrypt(plaintext, public_key, info.secret_info(SUITE, **fields))


def from_javascript() -> bytes:
    sys.exit("sealed-in-javascript is missing: make it with seal.mjs")


GOOD_SECRETS: list[tuple[str, str, Vector, Vector]] = [
    ("plain", "s3cret", {}, {}),
    ("many-lines", "-----BEGIN TEST-----\n" + "0123456789abcdef\r\n" * 20 + "-----END TEST-----\n", {}, {}),
    ("fills-one-block", "x" * 240, {}, {}),
    ("full-policy", "s3cret", {}, FULL_POLICY),
    ("name-of-all-kinds", "s3cret", {"name": "!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|} ~"}, {}),
    ("largest-numbers", "s3cret", {"epoch": 2**32 - 1, "revision": 2**64 - 1}, {}),
    ("sealed-in-javascript", "sïgné en JavaScript €😀", {}, {}),
]


def secrets() -> Vectors:
    kept = stored("secrets.json")
    rows: Vectors = []
    for name, text, changes, policy in GOOD_SECRETS:
        fields = SITE | changes
        make: Callable[[], bytes] = from_javascript
        if name != "sealed-in-javascript":
            make = lambda: seal(encode_record(text.encode(), policy_of(policy)), fields)  # noqa: B023, E731 - called at once
        sealed = kept.get(name) or make()
        rows.append(secret_row(name, None, sealed, fields) | {"value": text.encode().hex(), "policy": policy})
    for name, (data, failure) in bad_records().items():
        rows.append(secret_row(f"record-{name}", failure, kept.get(f"record-{name}") or seal(data, SITE), SITE))
    plain, long = (base64.b64decode(row["sealed"]) for row in rows[:2])
    rows += [secret_row(name, failure, data, SITE) for name, (data, failure) in changed_secrets(plain, long).items()]
    return rows + moved_secrets(plain)


def secret_row(name: str, failure: str | None, sealed: bytes, fields: Vector, key: str = "site key") -> Vector:
    return {"id": name, "failure": failure, "seed": SEEDS[key].hex(), **fields, "sealed": b64(sealed)}


def changed_secrets(plain: bytes, long: bytes) -> dict[str, tuple[bytes, str]]:
    return {
        "version-0": (b"\x00" + plain[1:], "version"),
        "version-2": (b"\x02" + plain[1:], "version"),
        "version-2-cut-off": (b"\x02", "version"),
        "suite-kem-bit": (flip(plain, 2), "suite"),
        "suite-kem-x25519": (plain[:1] + b"\x00\x20" + plain[3:], "suite"),
        "suite-kdf-sha512": (plain[:3] + b"\x00\x03" + plain[5:], "suite"),
        "suite-aead-aes128": (plain[:5] + b"\x00\x01" + plain[7:], "suite"),
        "suite-aead-export-only": (plain[:5] + b"\xff\xff" + plain[7:], "suite"),
        "suite-zero": (plain[:1] + bytes(6) + plain[7:], "suite"),
        "epoch-bit": (flip(plain, HEADER_BYTES - 1), "epoch"),
        "epoch-high-bit": (flip(plain, 7, 0x80), "epoch"),
        "enc-first-bit": (flip(plain, HEADER_BYTES, 0x80), "authentication"),
        "enc-last-bit-of-mlkem": (flip(plain, MLKEM_END - 1), "authentication"),
        "enc-x25519-bit": (flip(plain, MLKEM_END), "authentication"),
        # X25519 ignores this bit (RFC 7748 section 5); the combiner of X-Wing does not.
        "enc-x25519-ignored-bit": (flip(plain, ENC_END - 1, 0x80), "authentication"),
        "enc-x25519-zero": (plain[:MLKEM_END] + bytes(32) + plain[ENC_END:], "authentication"),
        "enc-x25519-order-1": (plain[:MLKEM_END] + b"\1" + bytes(31) + plain[ENC_END:], "authentication"),
        "enc-mlkem-zero": (plain[:HEADER_BYTES] + bytes(1088) + plain[MLKEM_END:], "authentication"),
        "enc-mlkem-ones": (plain[:HEADER_BYTES] + b"\xff" * 1088 + plain[MLKEM_END:], "authentication"),
        "enc-of-another": (plain[:HEADER_BYTES] + long[HEADER_BYTES:ENC_END] + plain[ENC_END:], "authentication"),
        "ciphertext-first-bit": (flip(plain, ENC_END), "authentication"),
        "ciphertext-middle-bit": (flip(plain, ENC_END + 128), "authentication"),
        "tag-first-bit": (flip(plain, len(plain) - 16), "authentication"),
        "tag-last-bit": (flip(plain, len(plain) - 1, 0x80), "authentication"),
        "cut-to-nothing": (b"", "format"),
        "cut-to-version": (plain[:1], "format"),
        "cut-in-suite": (plain[:4], "format"),
        "cut-to-header": (plain[:HEADER_BYTES], "format"),
        "cut-in-enc": (plain[: ENC_END - 1], "format"),
        "cut-to-enc-and-tag": (plain[: ENC_END + 16], "format"),
        "cut-one-byte": (plain[:-1], "format"),
        "cut-one-block": (long[:-256], "authentication"),
        "one-byte-more": (plain + b"\0", "format"),
        "one-block-more": (plain + bytes(256), "authentication"),
    }


def moved_secrets(plain: bytes) -> Vectors:
    moved: dict[str, Vector] = {
        "moved-to-another-site": {"site_id": "ste_01jd0000000000000000000002"},
        "renamed": {"name": "api kez"},
        "renamed-case": {"name": "API key"},
        "renamed-space": {"name": "api key "},
        "renamed-field-border": {"name": "key", "site_id": SITE["site_id"] + "api "},
        "older-revision": {"revision": 6},
        "newer-revision": {"revision": 8},
        "revision-out-of-range": {"revision": -1},
    }
    rows = [secret_row(name, "authentication", plain, SITE | fields) for name, fields in moved.items()]
    rows.append(secret_row("row-of-another-epoch", "epoch", plain, SITE | {"epoch": 4}))
    # The header is rewritten to match: only the binding in info is left to notice.
    rewritten = pack_header(4) + plain[HEADER_BYTES:]
    rows.append(secret_row("moved-to-another-epoch", "authentication", rewritten, SITE | {"epoch": 4}))
    rows.append(secret_row("another-key", "authentication", plain, SITE, key="other site key"))
    return rows


def sealed_seeds() -> Vectors:
    kept = stored("seeds.json")
    site = {"purpose": "site", "subject": SITE["site_id"], "epoch": 3}
    own = {"purpose": "identity", "subject": "", "epoch": 1}
    rows: Vectors = []
    for recipient in ("node key", "recovery key"):
        for secret, fields in (("site key", site), ("identity", own)):
            name = f"{secret} to {recipient}".replace(" ", "-")
            public_key = seeds.public_key_from_seed(SEEDS[recipient])
            sealed = kept.get(name) or seeds.seal_seed(public_key, SEEDS[secret], **fields)  # type: ignore[arg-type]
            rows.append(seed_row(name, None, sealed, fields, recipient) | {"seed": SEEDS[secret].hex()})
    good, own_good = (base64.b64decode(row["sealed"]) for row in rows[:2])
    changed: dict[str, tuple[str, bytes, Vector, str]] = {
        "version-2": ("version", b"\x02" + good[1:], site, "node key"),
        "suite-kem-x25519": ("suite", good[:1] + b"\x00\x20" + good[3:], site, "node key"),
        "epoch-bit": ("epoch", flip(good, HEADER_BYTES - 1), site, "node key"),
        "enc-bit": ("authentication", flip(good, HEADER_BYTES), site, "node key"),
        "ciphertext-bit": ("authentication", flip(good, ENC_END), site, "node key"),
        "tag-bit": ("authentication", flip(good, len(good) - 1), site, "node key"),
        "cut-to-nothing": ("format", b"", site, "node key"),
        "cut-one-byte": ("format", good[:-1], site, "node key"),
        "one-byte-more": ("format", good + b"\0", site, "node key"),
        "another-recipient": ("authentication", good, site, "recovery key"),
        "another-site": ("authentication", good, site | {"subject": SITE["site_id"][:-1] + "2"}, "node key"),
        "another-purpose": ("authentication", good, site | {"purpose": "identity"}, "node key"),
        "identity-as-site": ("authentication", own_good, own | {"purpose": "site"}, "node key"),
        "row-of-another-epoch": ("epoch", good, site | {"epoch": 4}, "node key"),
        "moved-to-another-epoch": (
            "authentication",
            pack_header(4) + good[HEADER_BYTES:],
            site | {"epoch": 4},
            "node key",
        ),
    }
    return rows + [seed_row(name, failure, data, fields, key) for name, (failure, data, fields, key) in changed.items()]


def seed_row(name: str, failure: str | None, sealed: bytes, fields: Vector, recipient: str) -> Vector:
    return {"id": name, "failure": failure, "private_seed": SEEDS[recipient].hex(), **fields, "sealed": b64(sealed)}


def site_keys() -> Vectors:
    public_key = seeds.public_key_from_seed(SEEDS["site key"])
    signed = {"site_id": SITE["site_id"], "epoch": 3, "suite": SUITE, "public_key": public_key.hex()}
    signature = identity.sign_site_key(SEEDS["identity"], SITE["site_id"], 3, SUITE, public_key)
    good = {
        "id": "good", "failure": None, "identity_seed": SEEDS["identity"].hex(),
        "identity": identity.identity_public(SEEDS["identity"]).hex(), **signed, "signature": signature.hex(),
        "key_id": identity.fingerprint(public_key),
    }  # fmt: skip
    changes: dict[str, Vector] = {
        "another-site": {"site_id": SITE["site_id"][:-1] + "2"},
        "another-epoch": {"epoch": 4},
        "another-suite": {"suite": "X25519/HKDF-SHA256/AES-256-GCM"},
        "another-key": {"public_key": seeds.public_key_from_seed(SEEDS["other site key"]).hex()},
        "key-bit": {"public_key": flip(public_key, 1215).hex()},
        "field-border": {"suite": SUITE + "s", "site_id": SITE["site_id"][1:]},
        "signature-bit": {"signature": flip(signature, 0).hex()},
        "signature-cut": {"signature": signature[:-1].hex()},
        "signature-empty": {"signature": ""},
        "another-identity": {"identity": identity.identity_public(SEEDS["node key"]).hex()},
        "identity-cut": {"identity": identity.identity_public(SEEDS["identity"])[:-1].hex()},
    }
    return [good, *({**good, "id": name, "failure": "forged", **change} for name, change in changes.items())]


def printed_seeds() -> Vectors:
    label, seed = "NIGHTDROP-RECOVERY-1", SEEDS["recovery key"]
    text = printed.format_seed(label, seed).reveal().decode()
    body = text.removeprefix(label)
    swapped = body[0] + body[2] + body[1] + body[3:]
    edges = {"zeros": bytes(32), "ones": b"\xff" * 32}
    good = {
        "plain": text,
        "lower-case": text.lower(),
        "spaces": text.replace("-", " "),
        "no-separators": text.replace("-", ""),
        "lines": "\r\n".join(text[i : i + 20] for i in range(0, len(text), 20)) + "\n",
        "look-alikes": label + body.replace("0", "o").replace("1", "l"),
    }
    bad = {
        "empty": ("label", ""),
        "without-label": ("label", body),
        "node-label": ("label", text.replace("RECOVERY", "NODE")),
        "version-2": ("label", text.replace("-1-", "-2-", 1)),
        "group-missing": ("length", text[:-5]),
        "group-more": ("length", text + "-0000"),
        "letter-u": ("character", text[:-1] + "U"),
        "not-ascii": ("character", text[:-2] + "é"),
        "two-swapped": ("checksum", label + swapped),
        "one-changed": ("checksum", text[:-1] + ("0" if text[-1] != "0" else "2")),
    }
    node = printed.format_seed("NIGHTDROP-NODE-1", SEEDS["node key"]).reveal().decode() + "\n"
    rows: Vectors = [
        {"id": name, "failure": None, "label": label, "text": form, "seed": seed.hex()} for name, form in good.items()
    ]
    rows += [
        {
            "id": name,
            "failure": None,
            "label": label,
            "text": printed.format_seed(label, edge).reveal().decode(),
            "seed": edge.hex(),
        }
        for name, edge in edges.items()
    ]
    rows.append(
        {
            "id": "node-key-file",
            "failure": None,
            "label": "NIGHTDROP-NODE-1",
            "text": node,
            "seed": SEEDS["node key"].hex(),
        }
    )
    return rows + [
        {"id": name, "failure": failure, "label": label, "text": form} for name, (failure, form) in bad.items()
    ]


PLACEHOLDERS = {
    "asterisks": "***",
    "many-asterisks-in-space": " \t********\r\n",
    "bullets": "\u2022" * 3,
    "circles": "\u25cf" * 12,
    "mixed": "*\u2022\u25cf",
    "hidden": "[hidden]",
    "hidden-by-server": "<Hidden-By-Server>",
    "redacted": "(REDACTED)",
    "masked": "[masked: 12 characters]",
    "secret": "<secret>",
    "forty-bytes-after-the-word": "[secret" + "\u00e9" * 20 + "]",
}
NO_PLACEHOLDERS = {
    "two-asterisks": "**",
    "asterisks-and-more": "***x",
    "asterisks-in-two-lines": "***\n***",
    "no-break-space": "\u00a0***",
    "word-without-brackets": "hidden",
    "other-word": "[password]",
    "text-after-it": "[hidden] x",
    "line-break-in-it": "[hidden\n]",
    "forty-one-bytes-after-the-word": "[secret" + "\u00e9" * 20 + "x]",
    "long-s": "[\u017fecret]",
}


def placeholders() -> Vectors:
    refused = [{"id": name, "failure": "placeholder", "text": text} for name, text in PLACEHOLDERS.items()]
    return refused + [{"id": name, "failure": None, "text": text} for name, text in NO_PLACEHOLDERS.items()]


FILES: dict[str, Callable[[], Vectors]] = {
    "xwing.json": xwing,
    "info.json": infos,
    "policies.json": policies,
    "records.json": records,
    "secrets.json": secrets,
    "seeds.json": sealed_seeds,
    "site_keys.json": site_keys,
    "printed.json": printed_seeds,
    "placeholders.json": placeholders,
    "recipients.json": lambda: signed.recipients(SEEDS),
    "checkpoints.json": lambda: signed.checkpoints(SEEDS),
    "otfe.json": lambda: encrypted.files(SEEDS, stored("otfe.json")),
    "otfe_keys.json": lambda: encrypted.keys(SEEDS),
}


def render(file: str) -> str:
    """Return the text of a vector file: one vector on a line, so that a diff shows which one changed."""
    rows = FILES[file]()
    names = [row["id"] for row in rows]
    if len(set(names)) != len(names):
        sys.exit(f"{file}: two vectors have one id")
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows) + "\n]\n"


def main() -> None:
    for file in FILES:
        text = render(file)
        if "--check" not in sys.argv:
            (HERE / file).write_text(text)
        elif (HERE / file).read_text() != text:
            sys.exit(f"{file} is not what generate.py makes")


if __name__ == "__main__":
    main()
