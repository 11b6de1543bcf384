"""Event names are stored for years: their form and their uniqueness matter."""

import re

from nightdrop.audit.events import Event


def test_names_are_unique_and_dotted():
    values = [event.value for event in Event.__members__.values()]
    assert len(values) == len(set(values))
    assert all(re.fullmatch(r"[a-z]+(\.[a-z_]+){1,2}", value) for value in values)


def test_names_follow_their_members():
    assert all(event.value.replace(".", "_").upper() == name for name, event in Event.__members__.items())
