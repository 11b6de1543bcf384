"""Every promised form of a value is masked, whatever stands around it."""

import base64
import json
import math
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightdrop.syncjs.masking import MASK, Masker, StreamMasker

PLAIN = "s3cr3t-V4lue/with+more?"
UNICODE = 'pässwörd😀 & <tags> "quoted" \\ 100%'
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\r\n  hkiG9w0BAQEFAASC  \nab\n-----END KEY-----\n"


def masker(*values):
    made = Masker()
    for value in values:
        made.add(value.encode())
    return made


def lower_percent(text):
    return "".join("%" + part[:2].lower() + part[2:] if i else part for i, part in enumerate(text.split("%")))


def forms(value):
    raw = value.encode()
    escaped = json.dumps(value)[1:-1]
    return {
        "literal": value,
        "hex": raw.hex(),
        "hex upper": raw.hex().upper(),
        "quote": quote(value, safe=""),
        "quote keeping slash": quote(value),
        "quote lower": lower_percent(quote(value, safe="")),
        "plus": quote_plus(value),
        "encodeURIComponent": quote(value, safe="-_.!~*'()"),
        "json": escaped,
        "json utf-8": json.dumps(value, ensure_ascii=False)[1:-1],
        "json slash": escaped.replace("/", "\\/"),
        "json twice": json.dumps(json.dumps(value, ensure_ascii=False)[1:-1], ensure_ascii=False)[1:-1],
    }


@pytest.mark.parametrize("value", [PLAIN, UNICODE, PEM, "abcd", " padded value ", "😀😀😀😀", "x" * 5000])
@pytest.mark.parametrize("form", list(forms(PLAIN)))
def test_each_form_is_masked_anywhere_in_a_text(value, form):
    text = forms(value)[form]
    made = masker(value)
    assert made.mask(f"[{text}]").count(MASK) >= 1
    assert text not in made.mask(f"[{text}]")
    assert made.mask(f"before {text} after") == made.mask(f"before {text} after").replace(text, "")


@pytest.mark.parametrize("value", [PLAIN, UNICODE, "hunter22"])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("prefix", ["", "u", "us", "user:", "user12:"])
@pytest.mark.parametrize("suffix", ["", "\n", "tt", ":tail"])
def test_base64_is_masked_at_every_alignment(value, alphabet, prefix, suffix):
    encoded = alphabet((prefix + value + suffix).encode()).decode()
    masked = masker(value).mask(f"Authorization: Basic {encoded}")
    assert MASK in masked
    # What is left decodes to nothing of the value: at most the characters beside it are there.
    rest = masked.removeprefix("Authorization: Basic ")
    around = math.ceil(len(prefix) * 8 / 6) + math.ceil(len(suffix) * 8 / 6)
    assert len(rest.replace(MASK, "").rstrip("=")) <= around


def test_each_line_of_a_value_with_lines_is_masked():
    made = masker(PEM)
    for line in ("-----BEGIN KEY-----", "MIIEvQIBADANBgkq", "hkiG9w0BAQEFAASC"):
        assert made.mask(f"<{line}>") == f"<{MASK}>"
    assert made.mask("<ab>") == "<ab>"
    assert MASK in made.mask(PEM.replace("\r\n", "\n"))


def test_short_lines_and_brackets_of_json_do_not_shred_the_log():
    made = masker('{\n  "a": "topsecretvalue"\n}')
    assert made.mask("function f() { return 1; }") == "function f() { return 1; }"


@pytest.mark.parametrize("value", ["a", "ab", "abc", "äöü", "1", "  a  ", "\n\n\n\n"])
def test_values_under_four_characters_are_left_alone(value):
    made = masker(value)
    assert made.mask("abc ab a äöü 1 \n\n\n\n x") == "abc ab a äöü 1 \n\n\n\n x"
    if len(value) < 4:
        assert made.add(value.encode()) is False


def test_the_mask_shows_neither_length_nor_start():
    assert masker("a" * 5).mask("aaaaa") == masker("b" * 500).mask("b" * 500) == MASK


def test_overlapping_values_do_not_uncover_each_other():
    assert masker("abcdef", "defghi").mask("-abcdefghi-") == f"-{MASK}-"
    assert masker("abcd", "xxabcdyy").mask("-xxabcdyy-") == f"-{MASK}-"
    assert masker("abab").mask("-ababab-") == f"-{MASK}-"


def test_a_value_that_repeats_without_end_is_one_mask():
    assert masker("0000").mask("<" + "0" * 100_000 + "> 0000 000") == f"<{MASK}> {MASK} 000"


def test_a_long_value_is_masked_as_far_as_it_goes():
    value = "".join(chr(65 + i % 26) + str(i) for i in range(2000))
    assert masker(value).mask(f"<{value[:700]}>") == f"<{MASK}>"
    assert masker(value).mask(f"<{value}>") == f"<{MASK}>"


def test_values_added_later_are_masked_from_then_on():
    made = masker("first-value")
    assert made.mask("second-value") == "second-value"
    made.add(b"second-value")
    assert made.mask("first-value second-value") == f"{MASK} {MASK}"


def test_a_value_of_one_mebibyte_with_many_lines_is_masked():
    value = "\n".join(f"line {i} of a long value" for i in range(40_000))
    assert masker(value).mask("see line 39999 of a long value!") == f"see {MASK}!"


@given(st.text(min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_whatever_the_value_it_is_not_in_the_masked_text(value, before, after):
    made = Masker()
    if len(value.strip()) < 4 or value in before or value in after:
        return
    made.add(value.encode())
    masked = made.mask(before + value + after)
    assert value not in masked or value in (before + MASK + after)


@given(st.text(alphabet="abc:", min_size=4, max_size=10), st.text(alphabet="abc:", max_size=40), st.data())
@settings(max_examples=300, deadline=None)
def test_a_stream_shows_what_masking_the_whole_shows(value, text, data):
    whole = f"{text}{value}{text}"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    stream = StreamMasker(masker(value))
    shown = "".join([*(stream.feed(piece) for piece in pieces), stream.flush()])
    assert value not in shown.replace(MASK, "\0")
    assert shown == masker(value).mask(whole)


@pytest.mark.parametrize("form", list(forms(PLAIN)))
def test_every_form_is_masked_when_it_comes_character_by_character(form):
    text = f"start {forms(PLAIN)[form]} end"
    stream = StreamMasker(masker(PLAIN))
    assert "".join([*map(stream.feed, text), stream.flush()]) == f"start {MASK} end"


def test_base64_is_masked_when_it_comes_character_by_character():
    text = f"x {base64.b64encode(b'me:' + PLAIN.encode() + b'!').decode()} y"
    stream = StreamMasker(masker(PLAIN))
    assert "".join([*map(stream.feed, text), stream.flush()]) == masker(PLAIN).mask(text)


def test_a_stream_holds_back_only_what_may_become_a_value():
    stream = StreamMasker(masker("qqqq1234"))
    assert stream.feed("hello world ") == "hello world "
    assert "qq" not in stream.feed("then qq")
    assert stream.flush().endswith("qq")


def test_each_line_is_masked_in_every_form():
    masker = Masker()
    lines = ["first/line+1", "second&line=2"]
    masker.add("\n".join(lines).encode())
    for line in lines:
        forms = [
            line.encode().hex(),
            quote(line, safe=""),
            *(base64.b64encode(b"x" * n + line.encode()).decode() for n in range(3)),
        ]
        for form in forms:
            assert form[4:-4] not in masker.mask(f"{form} end")
