from pathlib import Path

import pytest

from nightdrop.crypto.identity import fingerprint, identity_public, verify_site_key
from nightdrop.crypto.opening import Failure, OpenError, SitePrivateKey, open_secret, open_seed
from nightdrop.crypto.sealing import seal_secret
from nightdrop.crypto.seeds import (
    IDENTITY_EPOCH,
    IDENTITY_SUBJECT,
    KeyInvalidError,
    generate_seed,
    public_key_from_seed,
)
from nightdrop.keys.bootstrap import NewKeys, create_keys, create_node_key, reseal_for_node
from nightdrop.keys.custody import NodeKeyExistsError
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.recovery import parse_recovery_key
from nightdrop.keys.site_keys import Recipient, new_site_key

SITES = ("ste_a", "ste_b")


@pytest.fixture
def custody(tmp_path: Path) -> FileCustody:
    return FileCustody(tmp_path / "node.key")


@pytest.fixture
def keys(custody: FileCustody) -> NewKeys:
    return create_keys(custody, SITES)


def identity_of(private: bytes | bytearray, sealed: bytes) -> bytearray:
    opened = open_seed(private, sealed, purpose="identity", subject=IDENTITY_SUBJECT, epoch=IDENTITY_EPOCH)
    return opened.reveal()


def test_node_and_recovery_key_each_open_everything(custody: FileCustody, keys: NewKeys) -> None:
    holders = {"node": custody.load(), "recovery": parse_recovery_key(keys.recovery_printed.reveal())}
    assert {(row.site_id, row.recipient) for row in keys.seed_rows} == {(s, r) for s in SITES for r in holders}
    published = {key.site_id: key.public_key for key in keys.published}
    for row in keys.seed_rows:
        seed = open_seed(
            holders[row.recipient].reveal(), row.sealed, purpose="site", subject=row.site_id, epoch=row.epoch
        )
        assert public_key_from_seed(seed.reveal()) == published[row.site_id]
    for own in keys.identity_rows:
        assert identity_public(identity_of(holders[own.recipient].reveal(), own.sealed)) == keys.identity_public


def test_a_secret_sealed_to_the_published_key_opens(custody: FileCustody, keys: NewKeys) -> None:
    at = {"site_id": "ste_a", "epoch": 1, "name": "api", "revision": 1}
    sealed = seal_secret(keys.published[0].public_key, value=b"value", **at)  # type: ignore[arg-type]
    row = next(row for row in keys.seed_rows if (row.site_id, row.recipient) == ("ste_a", "node"))
    seed = open_seed(custody.load().reveal(), row.sealed, purpose="site", subject="ste_a", epoch=1)
    assert open_secret(SitePrivateKey(seed.reveal()), sealed, **at)[0] == b"value"  # type: ignore[arg-type]


def test_published_keys_are_signed(keys: NewKeys) -> None:
    for key in keys.published:
        assert key.key_id == fingerprint(key.public_key)
        assert key.identity == keys.identity_public
        verify_site_key(key.identity, key.signature, key.site_id, key.epoch, key.suite, key.public_key)


def test_recipients_name_the_keys_that_rows_are_sealed_to(custody: FileCustody, keys: NewKeys) -> None:
    by_kind = {recipient.kind: recipient for recipient in keys.recipients}
    assert by_kind["node"].public_key == keys.node_public == public_key_from_seed(custody.load().reveal())
    assert by_kind["recovery"].public_key == keys.recovery_public
    for row in (*keys.seed_rows, *keys.identity_rows):
        assert row.fingerprint == by_kind[row.recipient].fingerprint


def test_no_two_keys_are_the_same(keys: NewKeys) -> None:
    public = [keys.node_public, keys.recovery_public, *(key.public_key for key in keys.published)]
    assert len(set(public)) == 4


def test_nothing_of_the_recovery_key_is_printed_by_accident(keys: NewKeys) -> None:
    assert keys.recovery_printed.reveal()[21:].decode() not in repr(keys)


def test_an_existing_node_key_stops_everything(custody: FileCustody, keys: NewKeys) -> None:
    before = custody.load().reveal()
    with pytest.raises(NodeKeyExistsError):
        create_keys(custody, SITES)
    assert custody.load().reveal() == before
    assert keys.node_public == public_key_from_seed(before)


def test_a_site_seed_does_not_open_as_another_sites(custody: FileCustody, keys: NewKeys) -> None:
    row = next(row for row in keys.seed_rows if (row.site_id, row.recipient) == ("ste_a", "node"))
    with pytest.raises(OpenError) as caught:
        open_seed(custody.load().reveal(), row.sealed, purpose="site", subject="ste_b", epoch=1)
    assert caught.value.failure is Failure.AUTHENTICATION


def test_recovery_gives_a_new_node_everything(keys: NewKeys, tmp_path: Path) -> None:
    recovery = parse_recovery_key(keys.recovery_printed.reveal()).reveal()
    own = next(row for row in keys.identity_rows if row.recipient == "recovery")
    identity_seed = identity_of(recovery, own.sealed)
    seeds = [
        (row.site_id, row.epoch, open_seed(recovery, row.sealed, purpose="site", subject=row.site_id, epoch=row.epoch))
        for row in keys.seed_rows
        if row.recipient == "recovery"
    ]
    new = FileCustody(tmp_path / "new.key")
    node_public = create_node_key(new)
    own_row, rows = reseal_for_node(
        node_public,
        identity_seed=identity_seed,
        site_seeds=[(site, epoch, seed.reveal()) for site, epoch, seed in seeds],
    )
    private = new.load().reveal()
    assert identity_of(private, own_row.sealed) == identity_seed
    assert [row.site_id for row in rows] == list(SITES)
    for row, (_site, _epoch, seed) in zip(rows, seeds, strict=True):
        assert row.fingerprint == fingerprint(node_public)
        opened = open_seed(private, row.sealed, purpose="site", subject=row.site_id, epoch=row.epoch)
        assert opened.reveal() == seed.reveal()


def test_a_site_key_needs_recipients_that_are_keys() -> None:
    with pytest.raises(KeyInvalidError):
        new_site_key("ste_a", 1, identity_seed=generate_seed(), recipients=[Recipient("node", b"short")])
