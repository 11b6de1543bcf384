"""Rotation in the keeper: both epochs open until no secret of the earlier one is left, then its seed is gone."""

import base64
import hashlib
import sqlite3

import pytest

from nightdrop.audit.keeper_chain import verify_chain
from nightdrop.crypto.identity import verify_site_key
from nightdrop.crypto.policy import Policy
from nightdrop.crypto.sealing import seal_secret

NAME = "key"
# The end of an empty log of what people did.
END = {"size": 0, "head": "00" * 32}


def begin(keeper, site, epoch=2):
    answer = keeper.ask("begin_rotation", site=site, epoch=epoch)
    assert answer["ok"], answer
    return answer


def reseal(keeper, site, name, sealed, *, epoch=2, revision=1, old_epoch=1):
    form = {"name": name, "revision": revision, "epoch": old_epoch, "sealed": base64.b64encode(sealed).decode()}
    answer = keeper.ask("reseal", site=site, epoch=epoch, secrets=[form])
    assert answer["ok"], answer
    (result,) = answer["results"]
    return base64.b64decode(result["sealed"]) if "sealed" in result else result["failure"]


def read(keeper, installation, name=NAME):
    return keeper.open_run(installation.site_a, f"run_{keeper.sent}").get(name)


def old_seeds(installation, epoch=1):
    return [row[0] for row in installation.keeper_sql("SELECT sealed FROM site_seeds WHERE epoch = ?", epoch)]


def left_in_files(installation, seeds):
    """Count the 32-byte runs of the sealed seeds, behind the header, in every file of the keeper."""
    files = [path.read_bytes() for path in installation.home.keeper_db.parent.iterdir()]
    runs = [seed[at : at + 32] for seed in seeds for at in range(11, len(seed) - 32, 16)]
    return sum(run in data for run in runs for data in files)


def test_old_and_new_forms_open_until_the_old_key_is_destroyed(installation, keeper):
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    assert read(keeper, installation) == b"vvalue"
    begun = begin(keeper, site)
    published = [base64.b64decode(begun[key]) for key in ("identity", "signature")]
    verify_site_key(*published, site, 2, begun["suite"], base64.b64decode(begun["public_key"]))
    assert read(keeper, installation) == b"vvalue"
    new = reseal(keeper, site, NAME, old)
    assert read(keeper, installation) == b"vvalue"
    installation.write(site, NAME, new, epoch=2)
    assert read(keeper, installation) == b"vvalue"
    # What was opened is the mark from now on: a keeper that does not know of re-seals accepts it too.
    assert installation.keeper_sql("SELECT revision, digest FROM high_water") == [(1, hashlib.sha256(new).digest())]
    seeds = old_seeds(installation)
    assert left_in_files(installation, seeds) > 20
    done = keeper.ask("finish_rotation", site=site, epoch=2)
    assert (done["ok"], done["destroyed"], done["purged"]) == (True, [1], True)
    assert read(keeper, installation) == b"vvalue"
    mine = [seed for seed in seeds if seed not in old_seeds(installation)]
    assert len(mine) == 2
    assert left_in_files(installation, mine) == 0
    assert verify_chain(installation.home.keeper_db).ok
    assert [entry["destroyed"] for entry in installation.audit() if entry["event"] == "keeper.site_key_rotated"] == [
        [1]
    ]


def test_a_destroyed_key_opens_nothing_any_more(installation, keeper, start):
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    begin(keeper, site)
    installation.write(site, NAME, reseal(keeper, site, NAME, old), epoch=2)
    assert keeper.ask("finish_rotation", site=site, epoch=2)["ok"]
    installation.write(site, "other", installation.seal(site, "other", b"value"))
    assert read(keeper, installation, "other") == b"x"
    keeper.stop()
    assert read(start(), installation, "other") == b"x"


def test_the_key_of_another_site_stays(installation, keeper):
    installation.put(installation.site_b, NAME, b"other")
    begin(keeper, installation.site_a)
    assert keeper.ask("finish_rotation", site=installation.site_a, epoch=2)["ok"]
    assert keeper.open_run(installation.site_b).get(NAME) == b"vother"


def test_nothing_is_destroyed_while_a_secret_of_the_earlier_epoch_is_left(installation, keeper):
    installation.put(installation.site_a, NAME, b"value")
    begin(keeper, installation.site_a)
    answer = keeper.ask("finish_rotation", site=installation.site_a, epoch=2)
    assert (answer["ok"], answer["code"]) == (False, "rotation_unfinished")
    assert read(keeper, installation) == b"vvalue"
    assert len(old_seeds(installation)) == 4


def test_nothing_is_destroyed_when_the_secrets_cannot_be_seen(installation, keeper):
    begin(keeper, installation.site_a)
    installation.home.app_db.rename(installation.home.app_db.with_suffix(".away"))
    answer = keeper.ask("finish_rotation", site=installation.site_a, epoch=2)
    assert (answer["ok"], answer["code"]) == (False, "app_db_unavailable")
    assert len(old_seeds(installation)) == 4


def test_policy_and_revision_stay(installation, keeper):
    site = installation.site_a
    policy = Policy(mode="use", hosts=("api.example.com",))
    old = installation.put(site, NAME, b"value", revision=7, policy=policy)
    begin(keeper, site)
    new = reseal(keeper, site, NAME, old, revision=7)
    installation.write(site, NAME, new, revision=7, epoch=2)
    assert read(keeper, installation) == b"p"
    assert keeper.check(installation, NAME) == ["ok"]


@pytest.mark.parametrize("read_before", [True, False])
def test_another_value_under_the_same_revision_of_the_new_epoch_is_a_swap(installation, keeper, read_before):
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    public_key = base64.b64decode(begin(keeper, site)["public_key"])
    new = reseal(keeper, site, NAME, old)
    if read_before:
        installation.write(site, NAME, new, epoch=2)
        assert read(keeper, installation) == b"vvalue"
    forged = seal_secret(public_key, site_id=site, epoch=2, name=NAME, revision=1, value=b"forged")
    installation.write(site, NAME, forged, epoch=2)
    assert read(keeper, installation) == b"x"
    assert installation.events()[-1] == "secret.refused.swapped"
    assert reseal(keeper, site, NAME, forged, old_epoch=2) == "swapped"


def test_once_the_new_form_was_read_the_old_one_does_not_come_back(installation, keeper):
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    begin(keeper, site)
    installation.write(site, NAME, reseal(keeper, site, NAME, old), epoch=2)
    assert read(keeper, installation) == b"vvalue"
    installation.write(site, NAME, old)
    assert read(keeper, installation) == b"x"
    assert installation.events()[-1] == "secret.refused.swapped"


def test_of_two_new_forms_the_last_one_counts_and_the_old_one_still_opens(installation, keeper):
    """What a worker leaves that was killed between the answer and its write: the secret is sealed anew once more."""
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    begin(keeper, site)
    first, second = reseal(keeper, site, NAME, old), reseal(keeper, site, NAME, old)
    assert first != second
    assert read(keeper, installation) == b"vvalue"
    installation.write(site, NAME, second, epoch=2)
    assert read(keeper, installation) == b"vvalue"


def test_twice_in_a_row(installation, keeper):
    """The second rotation must know the form that the first one made as the right one, read in between or not."""
    site = installation.site_a
    sealed = {name: installation.put(site, name, b"value") for name in ("read", "unread")}
    for epoch in (2, 3, 4):
        begin(keeper, site, epoch)
        for name, old in tuple(sealed.items()):
            sealed[name] = reseal(keeper, site, name, old, epoch=epoch, old_epoch=epoch - 1)
            installation.write(site, name, sealed[name], epoch=epoch)
        assert read(keeper, installation, "read") == b"vvalue"
        assert keeper.ask("finish_rotation", site=site, epoch=epoch)["ok"]
    assert read(keeper, installation, "unread") == b"vvalue"


def test_an_update_by_a_person_goes_before_the_new_form(installation, keeper):
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    public_key = base64.b64decode(begin(keeper, site)["public_key"])
    updated = seal_secret(public_key, site_id=site, epoch=2, name=NAME, revision=2, value=b"updated")
    installation.write(site, NAME, updated, revision=2, epoch=2)
    assert read(keeper, installation) == b"vupdated"
    assert reseal(keeper, site, NAME, old) == "rollback"
    assert read(keeper, installation) == b"vupdated"


def test_what_does_not_open_is_told_and_the_rest_goes_on(installation, keeper):
    site = installation.site_a
    good = installation.put(site, NAME, b"value")
    begin(keeper, site)
    broken = good[:-1] + bytes([good[-1] ^ 1])
    forms = [
        {"name": NAME, "revision": 1, "epoch": 1, "sealed": base64.b64encode(sealed).decode()}
        for sealed in (broken, good[:100], good)
    ]
    answer = keeper.ask("reseal", site=site, epoch=2, secrets=forms)
    assert [result.get("failure") for result in answer["results"]] == ["authentication", "format", None]


def test_begun_twice_it_is_the_same_key_and_no_epoch_is_skipped(installation, keeper, start):
    site = installation.site_a
    first = begin(keeper, site)
    assert begin(keeper, site) == {**first, "id": keeper.sent}
    keeper.kill()
    again = start()
    assert begin(again, site)["public_key"] == first["public_key"]
    for epoch in (1, 4, 0, "2", None):
        answer = again.ask("begin_rotation", site=site, epoch=epoch)
        assert answer["code"] == ("rotation_stale" if epoch == 4 else "bad_request")
    assert again.ask("finish_rotation", site=site, epoch=3)["code"] == "rotation_stale"
    assert again.ask("begin_rotation", site="site_none", epoch=2)["code"] == "rotation_stale"


def test_killed_after_each_step_no_secret_is_lost(installation, start):
    site = installation.site_a
    old = installation.put(site, NAME, b"value")

    def killed(keeper):
        assert read(keeper, installation) == b"vvalue"
        keeper.kill()
        again = start()
        assert read(again, installation) == b"vvalue"
        return again

    keeper = killed(start())
    begin(keeper, site)
    keeper = killed(keeper)
    new = reseal(keeper, site, NAME, old)
    keeper = killed(keeper)
    installation.write(site, NAME, new, epoch=2)
    keeper = killed(keeper)
    assert keeper.ask("finish_rotation", site=site, epoch=2)["ok"]
    keeper = killed(keeper)
    again = keeper.ask("finish_rotation", site=site, epoch=2)
    assert (again["destroyed"], again["purged"]) == ([], True)
    assert verify_chain(installation.home.keeper_db).ok


def test_a_reader_keeps_the_old_pages_and_is_told(installation, keeper):
    begin(keeper, installation.site_a)
    reader = sqlite3.connect(installation.home.keeper_db, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM site_seeds").fetchone()
    seeds = old_seeds(installation)
    assert keeper.ask("finish_rotation", site=installation.site_a, epoch=2)["purged"] is False
    reader.execute("COMMIT")
    reader.close()
    assert keeper.ask("finish_rotation", site=installation.site_a, epoch=2)["purged"] is True
    assert left_in_files(installation, [seed for seed in seeds if seed not in old_seeds(installation)]) == 0


def test_an_epoch_that_another_key_may_open_is_not_given_up(installation, keeper, start):
    """Its seed is damaged for this node only: the recovery key still has it."""
    site = installation.site_a
    old = installation.put(site, NAME, b"value")
    begin(keeper, site)
    keeper.stop()
    node = installation.keeper_sql("SELECT fingerprint FROM recipients WHERE kind='node'")[0][0]
    installation.keeper_sql(
        "UPDATE site_seeds SET sealed=zeroblob(length(sealed)) WHERE epoch=1 AND site_id=? AND fingerprint=?",
        site,
        node,
    )
    again = start()
    form = {"name": NAME, "revision": 1, "epoch": 1, "sealed": base64.b64encode(old).decode()}
    assert again.ask("reseal", site=site, epoch=2, secrets=[form])["code"] == "site_key_unopenable"


# Recipients


def sneak_in(installation):
    """Add a recipient of one's own, as somebody can who may write keeper.db and has no key."""
    from nightdrop.crypto.identity import fingerprint
    from nightdrop.crypto.seeds import generate_seed, public_key_from_seed

    public = public_key_from_seed(generate_seed())
    installation.keeper_sql("INSERT INTO recipients VALUES (?, 'node', ?)", fingerprint(public), public)


def tamper(installation, how):
    statements = {
        "removed recovery": "DELETE FROM recipients WHERE kind='recovery'",
        "no signature": "DELETE FROM meta WHERE key='recipients_signature'",
        "damaged signature": "UPDATE meta SET value='%%' WHERE key='recipients_signature'",
        "another kind": "UPDATE recipients SET kind='node'",
    }
    if how in ("added", "added while it runs"):
        sneak_in(installation)
    else:
        installation.keeper_sql("PRAGMA foreign_keys=ON")
        installation.keeper_sql(statements[how])


TAMPERED = ["added", "added while it runs", "removed recovery", "no signature", "damaged signature", "another kind"]


@pytest.mark.parametrize("how", TAMPERED)
def test_no_seed_is_sealed_to_a_list_that_the_keeper_did_not_sign(installation, start, how):
    installation.put(installation.site_a, NAME, b"value")
    keeper = start()
    assert keeper.ask("status")["recipients"] == "signed"
    if how != "added while it runs":
        keeper.stop()
    tamper(installation, how)
    if how != "added while it runs":
        keeper = start()
        assert keeper.ask("checkpoint", **END)["ok"]
        assert keeper.ask("status")["recipients"] == "refused"
    before = installation.keeper_sql("SELECT count(*) FROM site_seeds")
    assert keeper.ask("create_site_key", site="site_00000000000000000000000003")["code"] == "recipients_unsigned"
    assert keeper.ask("begin_rotation", site=installation.site_a, epoch=2)["code"] == "recipients_unsigned"
    assert installation.keeper_sql("SELECT count(*) FROM site_seeds") == before
    assert keeper.ask("status")["recipients"] == "refused"
    # Reading goes on: nothing that exists became less secret.
    assert read(keeper, installation) == b"vvalue"


def test_the_list_of_an_earlier_release_is_signed_once(installation, start):
    installation.keeper_sql("DELETE FROM meta WHERE key='recipients_signature'")
    for table in ("reseals", "checkpoints"):
        installation.keeper_sql(f"DROP TABLE {table}")
    keeper = start()
    assert keeper.ask("status")["recipients"] == "unsigned"
    assert keeper.ask("begin_rotation", site=installation.site_a, epoch=2)["code"] == "recipients_unsigned"
    assert keeper.ask("checkpoint", **END)["ok"]
    assert keeper.ask("status")["recipients"] == "signed"
    signed = [entry for entry in installation.audit() if entry["event"] == "keeper.recipients_signed"]
    assert len(signed) == 1
    assert len(signed[0]["fingerprints"]) == 2
    begin(keeper, installation.site_a)
    keeper.stop()
    assert start().ask("status")["recipients"] == "signed"
    assert len([entry for entry in installation.audit() if entry["event"] == "keeper.recipients_signed"]) == 1


def test_a_home_that_has_a_checkpoint_had_a_signature(installation, start):
    """Whoever wants their own list to be taken for an old one has to change both databases."""
    keeper = start()
    kept = keeper.ask("checkpoint", **END)["keeper"]["note"]
    keeper.stop()
    installation.keeper_sql("DELETE FROM meta WHERE key='recipients_signature'")
    installation.keeper_sql("DELETE FROM audit")
    again = start()
    assert again.ask("checkpoint", **END, kept=kept)["cut"] == ["keeper"]
    assert again.ask("status")["recipients"] == "refused"
    assert again.ask("begin_rotation", site=installation.site_a, epoch=2)["code"] == "recipients_unsigned"
    assert again.ask("checkpoint", **END)["ok"]
    assert again.ask("status")["recipients"] == "refused"


def test_a_list_of_an_earlier_release_with_one_too_many_is_not_signed(installation, start):
    installation.keeper_sql("DELETE FROM meta WHERE key='recipients_signature'")
    sneak_in(installation)
    assert start().ask("status")["recipients"] == "refused"


@pytest.mark.parametrize("how", ["added", "no signature", "damaged signature", "another kind"])
def test_a_recovery_signs_the_list_anew_and_throws_out_whoever_sneaked_in(installation, start, how):
    tamper(installation, how)
    installation.node_key.unlink()
    assert installation.recover(bytes(installation.keys.recovery_printed.reveal()) + b"\n").returncode == 0
    keeper = start()
    assert keeper.ask("status")["recipients"] == "signed"
    assert len(installation.keeper_sql("SELECT * FROM recipients")) == 2
    begin(keeper, installation.site_a)
