"""Messages as they go to a server, read back by the parser of the standard library."""

from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.syncjs.mail.compose import Attachment, compose, encoded
from nightdrop.syncjs.mail.draft import MAX_TEXT, MailError, read_draft

BASE = {"From": "me@example.com", "To": "you@example.com", "Subject": "Hello", "Text": "text"}


def made(attachments=(), **changes):
    _, content = compose(read_draft({**BASE, **changes}, ""), attachments)
    return content, BytesParser(policy=SMTP).parsebytes(content)


def test_a_plain_message():
    ident, content = compose(read_draft(BASE, ""), ())
    message = BytesParser(policy=SMTP).parsebytes(content)
    assert {name: message[name] for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")} == {
        "From": "me@example.com",
        "To": "you@example.com",
        "Subject": "Hello",
        "Message-ID": ident,
        "Auto-Submitted": "auto-generated",
    }
    assert ident.endswith("@example.com>")
    assert message["Date"].datetime is not None
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "text\r\n"
    assert len(message.keys()) == len(set(message.keys()))


def test_every_line_is_short_ascii_and_ends_with_crlf():
    content, _ = made(
        [Attachment("b.bin", bytes(range(256)) * 50)],
        Text="wörter " * 500 + "\n.\n..x\rend",
        HTML="<p>" + "x" * 3000,
        Subject="ß" * 900,
        To=", ".join(f"Änne Nummer {i} mit Komma <you{i}@example.com>" for i in range(60)),
    )
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "subject",
    [
        "Grüße aus Köln",
        "日本語" * 100,
        "x" * 900,
        "a " * 449 + "b",
        "=?utf-8?q?not_a_word?=",
        "tail ",
        "😀",
        "a: b, c; <d>",
    ],
)
def test_a_subject_arrives_as_it_was_given(subject):
    assert made(Subject=subject)[1]["Subject"] == subject


@pytest.mark.parametrize(
    "name", ["Ömer, Jr.", 'Say "hi"', "back\\slash", "a@b", "Zoë " * 40, "=?utf-8?q?x?=", "(x)", "Me."]
)
def test_a_name_arrives_as_it_was_given_and_is_no_second_address(name):
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    content, _ = made(To=f'"{escaped}" <you@example.com>')
    # Not the newer parser: it puts a space between the encoded words of a name.
    ((coded, address),) = getaddresses([BytesParser().parsebytes(content)["To"]])
    assert (str(make_header(decode_header(coded))), address) == (name.strip(), "you@example.com")


def test_many_recipients_keep_their_commas():
    names = [f"Ünal, Person Number {i}" for i in range(80)]
    to = made(To=", ".join(f'"{name}" <p{i}@example.com>' for i, name in enumerate(names)))[1]["To"]
    assert [(each.display_name, each.addr_spec) for each in to.addresses] == [
        (name, f"p{i}@example.com") for i, name in enumerate(names)
    ]


def test_who_else_gets_it():
    content, message = made(Cc="c@example.com", Bcc="b@example.com", ReplyTo="R <r@example.com>")
    assert (message["Cc"], message["Reply-To"], message["Bcc"]) == ("c@example.com", "R <r@example.com>", None)
    assert b"b@example.com" not in content
    draft = read_draft({**BASE, "Cc": "c@example.com, you@example.com", "Bcc": "b@example.com"}, "")
    assert draft.recipients == ["you@example.com", "c@example.com", "b@example.com"]
    assert made(To="", Bcc="b@example.com")[1]["To"] == "undisclosed-recipients:;"


def test_text_and_html_and_files():
    files = [Attachment("data.csv", b"a,b\n"), Attachment("x.unknown", b"\0"), Attachment("x.tar.gz", b"z")]
    _, message = made(files, Text="plain ä", HTML="<p>rich ä</p>")
    assert message.get_content_type() == "multipart/mixed"
    both, *parts = message.iter_parts()
    assert [(part.get_content_type(), part.get_content()) for part in both.iter_parts()] == [
        ("text/plain", "plain ä\r\n"),
        ("text/html", "<p>rich ä</p>\r\n"),
    ]
    assert [(part.get_content_type(), part.get_filename()) for part in parts] == [
        ("text/csv", "data.csv"),
        ("application/octet-stream", "x.unknown"),
        ("application/octet-stream", "x.tar.gz"),
    ]
    assert [part.get_payload(decode=True) for part in parts] == [b"a,b\n", b"\0", b"z"]
    assert made(Text="", HTML="<b>x</b>")[1].get_content_type() == "text/html"


@pytest.mark.parametrize(("content", "charset"), [("ü".encode(), "utf-8"), (b"\xfc", None)])
def test_a_text_file_that_is_utf8_says_so(content, charset):
    (_, part) = made([Attachment("x.csv", content)])[1].iter_parts()
    assert (part.get_content_charset(), part.get_payload(decode=True)) == (charset, content)


@pytest.mark.parametrize("kind", ["x.eml", "x.mht"])
def test_a_file_is_never_a_message_of_its_own(kind):
    (_, part) = made([Attachment(kind, b"Subject: x\r\n\r\ny")])[1].iter_parts()
    assert part.get_content_type() == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Übersicht 2026.csv", None),
        ('a"b\\c; x=y', None),
        ("日本" * 60, None),
        ("a\r\nX-More: 1", "a__X-More: 1"),
        ("é\n", "é_"),
    ],
)
def test_the_name_of_a_file(name, shown):
    content, message = made([Attachment(name, b"x")])
    (_, part) = message.iter_parts()
    assert part.get_filename() == (shown or name)
    assert b"\nX-More" not in content


@pytest.mark.parametrize("name", ["From", "To", "Cc", "Bcc", "ReplyTo", "Subject"])
@pytest.mark.parametrize("evil", ["\r\nBcc: thief@example.com", "\nX: 1", "\r", "\0", "\u2028X: 1", "\x85", "\x0b"])
def test_nothing_begins_a_header_of_its_own(name, evil):
    for value in (f"me@example.com{evil}", f"{evil}me@example.com", f'"M{evil}" <me@example.com>'):
        with pytest.raises(MailError, match="line breaks or control characters"):
            read_draft({**BASE, name: value}, "")


@given(st.text(max_size=200), st.text(max_size=100), st.text(max_size=60))
def test_whatever_is_accepted_has_our_headers_only(subject, to, file):
    try:
        draft = read_draft({**BASE, "Subject": subject, "To": to, "Cc": "c@example.com"}, "")
    except MailError:
        return
    _, content = compose(draft, [Attachment(file, b"x")])
    message = BytesParser(policy=SMTP).parsebytes(content)
    known = {"Content-Type", "MIME-Version", "From", "To", "Cc", "Subject", "Date", "Message-ID", "Auto-Submitted"}
    assert set(message.keys()) <= known
    assert len(list(message.iter_parts())) == 2


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), max_size=300))
def test_an_encoded_header_is_ascii_without_breaks(text):
    assert encoded(text).isascii()
    assert encoded(text).isprintable()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"To": ""}, "nobody to send it to: To, Cc and Bcc are empty"),
        ({"From": " "}, "From is empty, and the site has no smtp_from"),
        ({"From": "a@example.com, b@example.com"}, "From: 'a@example.com, b@example.com' is not a mail address"),
        ({"To": ", ".join(f"a{i}@example.com" for i in range(101))}, "a message may have 100 recipients"),
        ({"Subject": "x" * 901}, "Subject may have 900 characters"),
        ({"Text": "x" * (MAX_TEXT + 1)}, "Text is larger than 5 MiB"),
        ({"Text": None}, "Text must be a text"),
        ({"Paths": [None]}, "AddAttachment: the path of a file must be a text"),
        ({"Paths": "x"}, "AddAttachment: the path of a file must be a text"),
    ],
)
def test_what_cannot_be_sent(changes, reason):
    with pytest.raises(MailError) as raised:
        read_draft({**BASE, **changes}, "")
    assert str(raised.value) == reason


def test_the_sites_sender_stands_in():
    assert read_draft({**BASE, "From": ""}, "Night <night@example.com>").sender.address == "night@example.com"
    assert read_draft(BASE, "night@example.com").sender.address == "me@example.com"


def test_a_lone_surrogate_becomes_a_question_mark():
    assert made(Text="a\ud800b", Subject="\ud800")[1].get_content() == "a?b\r\n"
