"""Making a home when somebody else makes it at the same moment."""

from pathlib import Path

import pytest

from nightdrop.core.home import HomeExistsError, create_home, open_home


def test_whoever_is_second_is_told_and_changes_nothing(tmp_path, monkeypatch):
    first = create_home(tmp_path / "home")
    # As when both looked before either had written.
    monkeypatch.setattr(Path, "exists", lambda _self: False)
    with pytest.raises(HomeExistsError):
        create_home(tmp_path / "home")
    assert open_home(tmp_path / "home") == first
