"""XML of servers that cannot be trusted."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.syncjs.remotes import xmltext


def test_elements_text_and_attributes() -> None:
    root = xmltext.parse(
        b'<?xml version="1.0"?><a xmlns="urn:x"><b c="1">x&amp;y<!-- no --></b><b>2</b><d><e>3</e></d></a>'
    )
    assert root.name == "a"
    assert [(each.text, each.attributes) for each in root.all("b")] == [("x&y", {"c": "1"}), ("2", {})]
    assert (root.value("d", "e"), root.value("d", "none"), root.value("none", "e")) == ("3", "", "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"plain",
        b"\xff\xfe<a/>",
        b"<a>\xff</a>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<a>&x;</a>",
        b"<a>" * 21 + b"</a>" * 21,
        b"<a>" + b"<b/>" * 200_001 + b"</a>",
    ],
)
def test_what_is_refused(text: bytes) -> None:
    with pytest.raises(xmltext.XmlError):
        xmltext.parse(text)


def test_the_encoding_is_utf_8_whatever_the_document_says() -> None:
    assert xmltext.parse('<?xml version="1.0" encoding="utf-16"?><a>ü</a>'.encode()).text == "ü"


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(xmltext.XmlError):
        assert xmltext.parse(data).name
