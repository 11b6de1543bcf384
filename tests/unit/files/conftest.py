from pathlib import Path

import pytest

from nightdrop.syncjs.files import Files, Roots


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


@pytest.fixture
def outside(tmp_path):
    """Return a directory beside the site's, with a file that nobody may see or change."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "secret").write_text("secret")
    return tmp_path / "outside"


@pytest.fixture
def files(site: Path) -> Files:
    return Files(Roots.open(str(site)))
