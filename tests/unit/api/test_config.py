"""nightdrop.toml and the environment."""

import pytest

from nightdrop.core.config import ConfigInvalidError, load_config
from nightdrop.core.home import Home, create_home


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    for name in ("LISTEN", "DATABASE", "NODE_KEY", "SANDBOX", "POOL", "CONCURRENCY", "LOG_LEVEL"):
        monkeypatch.delenv(f"NIGHTDROP_{name}", raising=False)
    return create_home(tmp_path / "home")


def test_without_a_file_everything_has_a_working_default(home):
    config = load_config(home)
    assert config.listen == "127.0.0.1:8420"
    assert config.sandbox == "strict"
    assert config.is_sqlite
    assert config.node_key_path(home) == home.default_node_key()


def test_the_environment_wins_over_the_file(home, monkeypatch):
    home.config_file.write_text('listen = "127.0.0.1:1"\npool = 2\n')
    monkeypatch.setenv("NIGHTDROP_LISTEN", "[::1]:2")
    config = load_config(home)
    assert config.address == ("::1", 2)
    assert config.pool == 2


def test_an_unknown_key_is_an_error_that_names_it(home):
    home.config_file.write_text('lisden = "127.0.0.1:1"\n')
    with pytest.raises(ConfigInvalidError, match="lisden"):
        load_config(home)


def test_an_unknown_variable_is_an_error_too(home, monkeypatch):
    monkeypatch.setenv("NIGHTDROP_SANDBOKS", "strict")
    with pytest.raises(ConfigInvalidError, match="sandboks"):
        load_config(home)


@pytest.mark.parametrize(
    "name",
    ["NIGHTDROP_PORT", "NIGHTDROP_PORT_8420_TCP_ADDR", "NIGHTDROP_SERVICE_HOST", "NIGHTDROP_SERVICE_PORT_HTTP"],
)
def test_the_variables_that_kubernetes_sets_for_a_service_are_not_settings(home, monkeypatch, name):
    monkeypatch.setenv(name, "tcp://10.0.0.1:8420")
    assert load_config(home).listen == "127.0.0.1:8420"


@pytest.mark.parametrize(
    "line",
    [
        'listen = "8420"',
        'listen = "127.0.0.1:99999"',
        'listen = "127.0.0.1:\u0664"',
        'listen = "::1:8420"',
        'sandbox = "off"',
        "pool = 0",
        'log_level = "loud"',
        "listen = 8420",
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_key_and_not_the_value(home, line):
    home.config_file.write_text(line + "\n", encoding="utf-8")
    key, _, value = line.partition(" = ")
    with pytest.raises(ConfigInvalidError) as caught:
        load_config(home)
    assert key in caught.value.message
    assert value.strip('"') not in caught.value.message


def test_a_file_that_is_not_toml_is_an_error_without_its_content(home):
    home.config_file.write_text("database = postgresql://user:needle-0192@host/db\n")
    with pytest.raises(ConfigInvalidError) as caught:
        load_config(home)
    assert "needle-0192" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_database_url_may_hold_a_password_and_is_not_printed(home):
    home.config_file.write_text('database = "postgresql://user:needle-0192@host/db"\n')
    config = load_config(home)
    assert "needle-0192" not in repr(config)
    assert not config.is_sqlite


def test_a_relative_node_key_lies_beside_the_configuration(home):
    home.config_file.write_text('node_key = "../node.key"\n')
    assert load_config(home).node_key_path(home) == home.root / "../node.key"
