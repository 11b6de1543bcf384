import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.secrets.names import SecretNameError, check_description, check_name, fold, search_text

PRINTABLE = "".join(chr(code) for code in range(32, 127))


@given(st.text(PRINTABLE, min_size=1, max_size=128))
def test_printable_ascii_is_a_name_unless_it_has_a_space_at_an_end(name):
    if name.strip(" ") == name:
        check_name(name)
    else:
        with pytest.raises(SecretNameError):
            check_name(name)


@given(st.text(min_size=1, max_size=10).filter(lambda text: any(char not in PRINTABLE for char in text)))
def test_any_other_character_is_refused_and_not_repeated(name):
    with pytest.raises(SecretNameError) as caught:
        check_name(name)
    assert caught.value.message == "The name of the secret is not valid."
    assert caught.value.field == "name"


@pytest.mark.parametrize("name", ["x" * 129, "", " "])
def test_length(name):
    with pytest.raises(SecretNameError):
        check_name(name)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=500))
def test_what_is_searched_fits_into_an_index(description):
    check_description(description)
    text = search_text("n" * 128, description)
    assert len(text.encode()) <= 2000
    assert text.startswith("n" * 128 + "\x1f")
    if len(fold(description).encode()) < 1800:
        assert text.endswith(fold(description))
