"""A run gets the secrets of its own site, and each reading is in the audit chain before the value leaves."""

from nightdrop.audit.keeper_chain import verify_chain
from nightdrop.crypto.policy import Policy


def test_a_value_is_released_once_audited(installation, keeper):
    installation.put(installation.site_a, "api key", "v\u00e4lue\nwith lines".encode())
    run = keeper.open_run(installation.site_a, script={"id": "scr_1", "name": "sync", "version": 3})
    assert run.get("api key") == b"v" + "v\u00e4lue\nwith lines".encode()
    entry = installation.audit()[-1]
    at_ms = entry.pop("at_ms")
    assert entry == {
        "event": "secret.read",
        "run": "run_1",
        "site": installation.site_a,
        "script": "scr_1",
        "script_name": "sync",
        "version": 3,
        "secret": "api key",
        "revision": 1,
        "epoch": 1,
    }
    told = {"event": "used", "run": "run_1", "site": installation.site_a, "name": "api key", "at_ms": at_ms}
    assert keeper.notices() == [told]
    assert verify_chain(installation.home.keeper_db).ok


def test_the_largest_value_arrives_whole(installation, keeper):
    value = bytes(range(32, 127)) * (1024 * 1024 // 95)
    installation.put(installation.site_a, "big", value)
    assert keeper.open_run(installation.site_a).get("big") == b"v" + value


def test_a_missing_secret_is_audited(installation, keeper):
    run = keeper.open_run(installation.site_a)
    assert run.get("nothing") == b"m"
    assert installation.events() == ["secret.missing"]
    assert keeper.notices()[0]["class"] == "missing"


def test_has_tells_existence_only(installation, keeper):
    installation.put(installation.site_a, "there", b"x")
    run = keeper.open_run(installation.site_a)
    assert (run.has("there"), run.has("elsewhere"), run.has("")) == (b"y", b"n", b"n")


def test_what_is_no_name_is_missing_and_not_written_down(installation, keeper):
    run = keeper.open_run(installation.site_a)
    for name in ("", " a", "a ", "a" * 129, "a\nb", "a\0b", "\u00e9", "hunter2 \u2713"):
        assert run.get(name) == b"m"
    assert {entry["secret"] for entry in installation.audit() if entry["event"] == "secret.missing"} == {None}


def test_sites_do_not_see_each_other(installation, keeper):
    installation.put(installation.site_a, "key", b"of a")
    installation.put(installation.site_b, "key", b"of b")
    installation.put(installation.site_b, "only b", b"of b")
    a, b = keeper.open_run(installation.site_a, "run_a"), keeper.open_run(installation.site_b, "run_b")
    assert (a.get("key"), b.get("key"), a.get("only b")) == (b"vof a", b"vof b", b"m")


def test_no_request_can_name_another_site(installation, keeper):
    installation.put(installation.site_b, "key", b"of b")
    run = keeper.open_run(installation.site_a)
    for name in (
        f"{installation.site_b}/key",
        f"{installation.site_b}\0key",
        f"key\0{installation.site_b}",
        "%",
        "' OR 1=1 --",
    ):
        assert run.get(name) == b"m"
        assert run.has(name) == b"n"
    assert "secret.read" not in installation.events()


def test_an_update_is_seen_at_once(installation, keeper):
    run = keeper.open_run(installation.site_a)
    for revision in range(1, 4):
        installation.put(installation.site_a, "key", b"value %d" % revision, revision=revision)
        assert run.get("key") == b"vvalue %d" % revision


def test_a_policy_that_says_use_lets_a_client_have_it(installation, keeper):
    installation.put(installation.site_a, "key", b"x", policy=Policy(mode="use"))
    run = keeper.open_run(installation.site_a)
    assert (run.use("key"), run.get("key")) == (b"vx", b"p")
    assert installation.events() == ["secret.read", "secret.refused.policy"]
    assert installation.audit()[-2]["for"] == "use"


def test_a_client_is_held_to_the_rest_of_the_policy(installation, keeper):
    for number, policy in enumerate((Policy(mode="use", scripts=("scr_2",)), Policy(mode="use", expires_ms=1))):
        installation.put(installation.site_a, f"key {number}", b"x", policy=policy)
    run = keeper.open_run(installation.site_a, script={"id": "scr_1", "name": "a", "version": 1})
    assert (run.use("key 0"), run.use("key 1"), run.use("none")) == (b"p", b"e", b"m")


def test_a_client_has_what_may_be_read_too(installation, keeper):
    installation.put(installation.site_a, "key", b"x")
    assert keeper.open_run(installation.site_a).use("key") == b"vx"


def test_a_policy_that_says_use_is_refused_to_get(installation, keeper):
    installation.put(installation.site_a, "key", b"x", policy=Policy(mode="use"))
    assert keeper.open_run(installation.site_a).get("key") == b"p"
    assert installation.events() == ["secret.refused.policy"]
    assert keeper.notices()[0]["class"] == "policy"


def test_a_policy_that_names_scripts_is_kept(installation, keeper):
    installation.put(installation.site_a, "key", b"x", policy=Policy(scripts=("scr_1",)))
    script = {"name": "s", "version": 1}
    assert keeper.open_run(installation.site_a, "run_1", {"id": "scr_1", **script}).get("key") == b"vx"
    assert keeper.open_run(installation.site_a, "run_2", {"id": "scr_2", **script}).get("key") == b"p"
    assert keeper.open_run(installation.site_a, "run_3").get("key") == b"p"


def test_an_expired_secret_has_its_own_event(installation, keeper):
    installation.put(installation.site_a, "old", b"x", policy=Policy(expires_ms=1))
    installation.put(installation.site_a, "young", b"y", policy=Policy(expires_ms=2**52))
    run = keeper.open_run(installation.site_a)
    assert (run.get("old"), run.get("young")) == (b"e", b"vy")
    assert installation.events() == ["secret.refused.expired", "secret.read"]


def test_the_expiry_of_the_row_takes_a_value_away_and_lengthens_none(installation, keeper):
    for name, policy in (("row", Policy.DEFAULT), ("sealed", Policy(expires_ms=1)), ("both", Policy(expires_ms=2**52))):
        installation.put(installation.site_a, name, b"x", policy=policy)
    run = keeper.open_run(installation.site_a)

    def answers(expires_ms):
        installation.sql("DELETE FROM secret_expiries")
        installation.sql("INSERT INTO secret_expiries SELECT id, ? FROM secrets", expires_ms)
        return [run.get(name) for name in ("row", "sealed", "both")]

    assert answers(1) == [b"e", b"e", b"e"]
    assert installation.events() == ["secret.refused.expired"] * 3
    assert answers(2**52) == [b"vx", b"e", b"vx"]
    assert answers("never") == [b"x", b"x", b"x"]


def test_answers_are_counted_by_outcome(installation, keeper):
    installation.put(installation.site_a, "key", b"x")
    installation.put(installation.site_a, "old", b"x", policy=Policy(expires_ms=1))
    installation.put(installation.site_a, "kept", b"x", policy=Policy(mode="use"))
    run = keeper.open_run(installation.site_a)
    for name in ("key", "key", "old", "kept", "none", ""):
        run.get(name)
    counted = keeper.ask("status")["reads"]
    assert counted == {
        "released": 2,
        "missing": 2,
        "policy": 1,
        "expired": 1,
        "undecryptable": 0,
        "rollback": 0,
        "audit": 0,
    }


def test_hosts_are_reported(installation, keeper):
    installation.put(installation.site_a, "key", b"x", policy=Policy(hosts=("api.example.com",)))
    assert keeper.open_run(installation.site_a).get("key") == b"vx"
    assert keeper.notices()[0]["hosts"] == ["api.example.com"]


def test_a_refused_narrow_policy_bars_the_wide_one_before_it(installation, keeper):
    wide = installation.put(installation.site_a, "key", b"x", revision=1)
    installation.put(installation.site_a, "key", b"x", revision=2, policy=Policy(mode="use"))
    run = keeper.open_run(installation.site_a)
    assert run.get("key") == b"p"
    installation.write(installation.site_a, "key", wide, revision=1)
    assert run.get("key") == b"r"


def test_reads_in_a_row_are_audited_each_and_told_once(installation, keeper):
    installation.put(installation.site_a, "key", b"x")
    run = keeper.open_run(installation.site_a)
    for _ in range(20):
        assert run.get("key") == b"vx"
    assert installation.events() == ["secret.read"] * 20
    assert 1 <= len(keeper.notices()) < 20
