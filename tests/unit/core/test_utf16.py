from hypothesis import given
from hypothesis import strategies as st

from nightdrop.core.utf16 import index_of, utf16_of

_TEXT = st.text(st.sampled_from("ab\u00e9\u4e00\U0001f511"), max_size=20)


@given(_TEXT, st.integers(0, 20))
def test_places_are_those_of_utf16(text, index):
    index = min(index, len(text))
    units = utf16_of(text, index)
    assert units == len(text[:index].encode("utf-16-le")) // 2
    assert index_of(text, units) == index


def test_a_place_outside_stays_outside():
    assert index_of("a\U0001f511", 9) > 2
    assert index_of("ab", 9) > 2
