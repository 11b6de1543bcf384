"""The keeper's own idea of a name: only what can be a name is written into the audit chain."""

import pytest

from nightdrop.crypto.failure import Failure
from nightdrop.worker.keeper.release import EVENT_OF_FAILURE, is_name


@pytest.mark.parametrize("name", ["a", "a b", "~!@#$%^&*()", "a" * 128])
def test_names(name):
    assert is_name(name)


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a" * 129, "a\tb", "a\x7f", "a\0", "\u00e9", "\u00a0", "\u2028"])
def test_no_names(name):
    assert not is_name(name)


def test_every_failure_has_an_event_of_its_own():
    assert set(EVENT_OF_FAILURE) == set(Failure)
    assert len(set(EVENT_OF_FAILURE.values())) == len(Failure)
