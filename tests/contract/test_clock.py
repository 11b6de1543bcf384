"""A host whose clock is wrong does not take part."""

import time

import pytest

from nightdrop.db import clock
from nightdrop.db.clock import ClockWrongError, check_clock


def test_a_clock_that_agrees_is_fine(db):
    check_clock(db)


def test_a_clock_that_differs_is_refused_where_several_hosts_may_be(db, monkeypatch):
    now = time.time
    for wrong in (-60, 60):
        monkeypatch.setattr(clock.time, "time", lambda wrong=wrong: now() + wrong)
        if db.is_sqlite:
            check_clock(db)
            continue
        with pytest.raises(ClockWrongError, match=r"by (59|60) seconds"):
            check_clock(db)
