import dataclasses

import pytest
from sqlalchemy import text

from nightdrop.access.permissions import Permission
from nightdrop.access.settings import MIB, SettingInvalidError, SettingUnknownError, SiteSettings
from nightdrop.access.sites import SiteExistsError, SiteKeyStaleError, SiteMissingError, SiteNameError, SiteStore
from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.errors import DeniedError
from nightdrop.crypto.identity import SiteKeyForgedError
from nightdrop.sandbox.places import Places
from vault import OWNER, published_key


@pytest.fixture
def sites(db, clock):
    return SiteStore(db, clock)


def test_a_site_from_name_to_key(sites, clock):
    site = sites.create(OWNER, "shop-1")
    assert (site.name, site.created_ms, site.settings, site.ready) == ("shop-1", clock.now_ms(), SiteSettings(), False)
    assert sites.get(OWNER, "shop-1") == sites.get(OWNER, site.id) == site
    assert sites.sites_without_key() == [site.id]
    sites.publish_site_key(site.id, published_key(site.id))
    assert sites.sites_without_key() == []
    assert sites.get(OWNER, "shop-1") == dataclasses.replace(site, ready=True)


def test_sites_are_listed_by_name(sites):
    for name in ("b", "a", "c-1", "c"):
        sites.create(SYSTEM, name)
    assert [site.name for site in sites.list(OWNER)] == ["a", "b", "c", "c-1"]


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a_b", "a b", "a" * 64, "\u00e9", "a\n", "site.x"])
def test_a_bad_name_is_refused(sites, name):
    with pytest.raises(SiteNameError):
        sites.create(OWNER, name)
    with pytest.raises(SiteMissingError):
        sites.get(OWNER, name)


def test_the_longest_name(sites):
    assert sites.create(OWNER, "a" * 63).name == "a" * 63


def test_a_name_is_taken_once(sites):
    sites.create(OWNER, "a")
    with pytest.raises(SiteExistsError):
        sites.create(OWNER, "a")
    assert len(sites.list(OWNER)) == 1


def test_keys_only_go_forward(sites):
    site = sites.create(OWNER, "a")
    first, second = published_key(site.id, 1), published_key(site.id, 2)
    sites.publish_site_key(site.id, first)
    sites.publish_site_key(site.id, first)
    with pytest.raises(SiteKeyStaleError):
        sites.publish_site_key(site.id, published_key(site.id, 1))
    sites.publish_site_key(site.id, second)
    with pytest.raises(SiteKeyStaleError):
        sites.publish_site_key(site.id, first)


def test_a_forged_key_is_refused(sites):
    site, other = sites.create(OWNER, "a"), sites.create(OWNER, "b")
    key = published_key(site.id)
    for bad in (
        published_key(other.id),
        dataclasses.replace(key, epoch=2),
        dataclasses.replace(key, public_key=published_key(site.id).public_key),
        dataclasses.replace(key, signature=bytes(64)),
    ):
        with pytest.raises(SiteKeyForgedError):
            sites.publish_site_key(site.id, bad)
    assert set(sites.sites_without_key()) == {site.id, other.id}
    with pytest.raises(SiteMissingError):
        sites.publish_site_key("site_none", published_key("site_none"))


def test_settings_change_one_by_one(sites, db):
    site = sites.create(OWNER, "a")
    changed = sites.set(OWNER, site.id, {"memory": "256MiB", "egress_allow": "127.0.0.1, *.example.com"})
    assert changed.settings == SiteSettings(memory=256 * MIB, egress_allow=("127.0.0.1", "*.example.com"))
    assert sites.get(OWNER, "a") == changed
    again = sites.set(OWNER, site.id, {"memory": "", "wall": 60})
    assert again.settings == SiteSettings(wall=60, egress_allow=("127.0.0.1", "*.example.com"))
    with db.read() as connection:
        body = connection.execute(text("SELECT body FROM audit ORDER BY seq DESC LIMIT 1")).scalar_one()
    assert b'"settings":{"memory":"","wall":60}' in bytes(body)


def test_a_bad_setting_changes_nothing(sites):
    site = sites.create(OWNER, "a")
    with pytest.raises(SettingUnknownError, match="setting") as caught:
        sites.set(OWNER, site.id, {"cpu": 5, "memmory": "1GiB"})
    assert "memory" in caught.value.hint
    with pytest.raises(SettingInvalidError):
        sites.set(OWNER, site.id, {"cpu": 5, "wall": "soon"})
    assert sites.get(OWNER, "a").settings == SiteSettings()
    with pytest.raises(SiteMissingError):
        sites.set(OWNER, "site_none", {"cpu": 5})


def test_only_a_super_admin_gives_directories_of_the_host(db, clock, tmp_path):
    here = tmp_path / "given"
    here.mkdir()
    sites = SiteStore(db, clock, Places((tmp_path,), frozenset({tmp_path / "kept"}), frozenset()))
    site = sites.create(OWNER, "a")
    mel = Caller("session", "mel", {site.id: frozenset({Permission.SETTINGS_EDIT, Permission.SETTINGS_VIEW})})
    with pytest.raises(DeniedError):
        sites.set(mel, site.id, {"paths": [str(here)]})
    assert sites.set(mel, site.id, {"cpu": 7}).settings.paths == ()
    assert sites.set(OWNER, site.id, {"paths": f"{here}:ro"}).settings.paths == (f"{here}:ro",)
    with pytest.raises(DeniedError):
        sites.set(mel, site.id, {"paths": None})
    for wrong in (tmp_path / "kept" / "x", tmp_path.parent, "relative"):
        with pytest.raises(SettingInvalidError):
            sites.set(OWNER, site.id, {"paths": [str(wrong)]})
    # A worker on another host may have what this host lacks.
    if db.is_sqlite:
        with pytest.raises(SettingInvalidError):
            sites.set(OWNER, site.id, {"paths": [str(tmp_path / "missing")]})
    else:
        sites.set(OWNER, site.id, {"paths": [str(tmp_path / "missing")]})
    with pytest.raises(SettingInvalidError):
        SiteStore(db, clock).set(OWNER, site.id, {"paths": [str(here)]})
