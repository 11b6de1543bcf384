"""Which directories a site may be given."""

from pathlib import Path

import pytest

from nightdrop.core.config import Config
from nightdrop.core.home import Home
from nightdrop.core.site_paths import MAX_LENGTH, form_problem, nested, split_entry
from nightdrop.sandbox.places import Places

HOME = Home(Path("/srv/nightdrop/home"), "0123")


@pytest.fixture
def places(monkeypatch):
    monkeypatch.setenv("HOME", "/srv/people/ann")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/srv/config")
    return Places.of(HOME, Config(node_key="/srv/keys/node.key", tls_key="/srv/tls/key.pem", site_paths=("/srv", "/")))


@pytest.mark.parametrize(
    "entry", ["/srv/in", "/srv/in:ro", "/srv/nightdrop/other", "/srv/people/ann/out", "/data", "/srv/a b"]
)
def test_what_may_be_given(places, entry):
    assert places.problem(entry) is None


@pytest.mark.parametrize(
    "entry",
    [
        *("/srv", "/srv/nightdrop", "/srv/nightdrop/home", "/srv/nightdrop/home/sites", "/srv/nightdrop/home/data:ro"),
        *("/srv/keys", "/srv/keys/node.key", "/srv/tls", "/srv/config", "/srv/config/nightdrop/keys"),
        *("/srv/people", "/srv/people/ann"),
        *(
            "/etc",
            "/etc/cron.d",
            "/usr/local",
            "/proc/self/root",
            "/sys",
            "/dev/shm",
            "/run/user",
            "/lib",
            "/bin",
            "/boot",
        ),
        str(Path(__file__).parents[3] / "src" / "nightdrop"),
    ],
)
def test_what_is_kept_whatever_the_configuration_allows(places, entry):
    assert "files of its own" in places.problem(entry)


def test_what_the_configuration_does_not_allow():
    assert "site_paths" in Places.of(HOME, Config()).problem("/data/in")
    assert "site_paths" in Places.of(HOME, Config(site_paths=())).problem("/srv/in")
    assert "site_paths" in Places.of(HOME, Config(site_paths=("/srv/in",))).problem("/srv/in2")


@pytest.mark.parametrize(
    "entry",
    ["", "in", "./in", "/", "//", ":ro", "/:ro", "//srv/in", "/srv/../etc", "/srv/in/", "/srv/./in", "/srv//in",
     "/srv/a,b", "/srv/a\nb", "/srv/a\0b", "/srv/.ssh", "/srv/.hidden/in", "/" + "x" * MAX_LENGTH, "/srv/\ud800"],
)  # fmt: skip
def test_what_is_written_wrong(places, entry):
    assert form_problem(entry) is not None
    assert places.problem(entry) == form_problem(entry)


def test_entries():
    assert split_entry("/srv/in") == ("/srv/in", "rw")
    assert split_entry("/srv/in:ro") == ("/srv/in", "ro")
    assert nested(["/srv/a", "/srv/ab", "/srv/b/c:ro"]) is None
    assert nested(["/srv/b/c:ro", "/srv/a", "/srv/b"]) == "/srv/b/c"
    assert nested(["/srv/a:ro", "/srv/a"]) == "/srv/a"
