"""Where the keeper's data is: never in the file that the web process reads, never repeated in an error."""

import stat

import pytest

from nightdrop.core.config import ConfigInvalidError, load_config
from nightdrop.core.home import create_home
from nightdrop.keys.keeper_config import VARIABLE, KeeperConfigError, keeper_database, write_keeper_config

URL = "postgresql+psycopg://keeper:s3cret@h/n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("NIGHTDROP_DATABASE", raising=False)
    return create_home(tmp_path / "home")


def test_without_a_setting_it_is_the_file_in_the_home(home):
    assert keeper_database(home) is None


def test_what_is_written_is_read_and_private(home):
    write_keeper_config(home, URL)
    assert keeper_database(home) == "postgresql://keeper:s3cret@h/n"
    assert stat.S_IMODE(home.keeper_config_file.stat().st_mode) == 0o600


def test_the_environment_wins_and_is_no_setting_of_the_server(home, monkeypatch):
    write_keeper_config(home, URL)
    monkeypatch.setenv(VARIABLE, "postgresql://other@h/n")
    assert keeper_database(home) == "postgresql://other@h/n"
    assert load_config(home).is_sqlite


@pytest.mark.parametrize(
    "text", ["database = 's3cret'", "database = 5", "other = 's3cret'", "s3cret", "", "database='sqlite:///s3cret'"]
)
def test_what_is_not_valid_has_an_error_that_does_not_repeat_it(home, text):
    home.keeper_config_file.write_text(text)
    with pytest.raises(KeeperConfigError) as caught:
        keeper_database(home)
    assert "s3cret" not in caught.value.message


def test_the_web_process_file_may_not_hold_it(home):
    home.config_file.write_text(f'keeper_database = "{URL}"\n')
    with pytest.raises(ConfigInvalidError, match=r"keeper\.toml|web process") as caught:
        load_config(home)
    assert "s3cret" not in caught.value.message + caught.value.hint
