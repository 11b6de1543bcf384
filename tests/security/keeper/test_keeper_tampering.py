"""Whatever is done to a row in app.db: it does not open, and what was done has its own event in the audit chain."""

import pytest

from nightdrop.audit.keeper_chain import verify_chain
from nightdrop.crypto.header import HEADER_BYTES
from nightdrop.crypto.sealing import seal_secret
from nightdrop.crypto.seeds import generate_seed, public_key_from_seed
from nightdrop.crypto.suite import ENC_BYTES

# Bytes of a sealed secret: u8 version, 3 x u16 suite, u32 epoch, enc (ML-KEM part, X25519 part), ciphertext, tag.
FIELDS = [
    ("version", 0, "version"),
    ("kem", 2, "suite"),
    ("kdf", 4, "suite"),
    ("aead", 6, "suite"),
    ("epoch", 10, "epoch"),
    ("first byte of enc", HEADER_BYTES, "authentication"),
    ("last byte of the ML-KEM part", HEADER_BYTES + 1087, "authentication"),
    ("first byte of the X25519 part", HEADER_BYTES + 1088, "authentication"),
    ("last byte of enc", HEADER_BYTES + ENC_BYTES - 1, "authentication"),
    ("first byte of the ciphertext", HEADER_BYTES + ENC_BYTES, "authentication"),
    ("last byte of the ciphertext", -17, "authentication"),
    ("first byte of the tag", -16, "authentication"),
    ("last byte of the tag", -1, "authentication"),
]


def refusal(installation, keeper, name="key", site=None):
    """Ask once; return the reply and the one event that it left."""
    before = len(installation.events())
    run = keeper.open_run(site or installation.site_a, f"run_{before}")
    reply = run.get(name)
    events = installation.events()[before:]
    assert len(events) == 1
    assert verify_chain(installation.home.keeper_db).ok
    return reply, events[0]


def test_every_flipped_field_is_refused_under_its_class(installation, keeper):
    sealed = installation.seal(installation.site_a, "key", b"value")
    for label, position, failure in FIELDS:
        changed = bytearray(sealed)
        changed[position] ^= 0x01
        installation.write(installation.site_a, "key", bytes(changed))
        assert refusal(installation, keeper) == (b"x", f"secret.refused.{failure}"), label
        assert keeper.check(installation, "key") == [failure], label
    installation.write(installation.site_a, "key", sealed)
    assert refusal(installation, keeper) == (b"vvalue", "secret.read")


def test_a_flipped_bit_in_a_secret_that_was_read_before_is_a_swap(installation, keeper):
    sealed = bytearray(installation.put(installation.site_a, "key", b"value"))
    assert refusal(installation, keeper) == (b"vvalue", "secret.read")
    sealed[-1] ^= 0x80
    installation.write(installation.site_a, "key", bytes(sealed))
    assert refusal(installation, keeper) == (b"x", "secret.refused.swapped")
    assert keeper.check(installation, "key") == ["swapped"]


@pytest.mark.parametrize("cut", [0, 1, HEADER_BYTES - 1, HEADER_BYTES, 1000, -1, -256])
def test_a_cut_value_is_refused(installation, keeper, cut):
    sealed = installation.seal(installation.site_a, "key", b"value")
    installation.write(installation.site_a, "key", sealed[:cut])
    assert refusal(installation, keeper) == (b"x", "secret.refused.format")


def test_a_longer_value_is_refused(installation, keeper):
    sealed = installation.seal(installation.site_a, "key", b"value")
    installation.write(installation.site_a, "key", sealed + bytes(256))
    assert refusal(installation, keeper) == (b"x", "secret.refused.authentication")
    installation.write(installation.site_a, "key", sealed + b"\0")
    assert refusal(installation, keeper) == (b"x", "secret.refused.format")


@pytest.mark.parametrize(
    "columns",
    [
        {"sealed": "text instead of bytes"},
        {"revision": "one"},
        {"revision": 0},
        {"revision": -1},
        {"revision": 1.5},
        {"epoch": "one"},
        {"epoch": 0},
        {"epoch": 2**32},
    ],
)
def test_columns_that_cannot_be_are_refused(installation, keeper, columns):
    sealed = installation.seal(installation.site_a, "key", b"value")
    installation.write(installation.site_a, "key", **{"sealed": sealed, **columns})
    assert refusal(installation, keeper) == (b"x", "secret.refused.format")


def test_another_revision_or_epoch_in_the_row_is_refused(installation, keeper):
    sealed = installation.seal(installation.site_a, "key", b"value")
    installation.write(installation.site_a, "key", sealed, revision=2)
    assert refusal(installation, keeper) == (b"x", "secret.refused.authentication")
    installation.write(installation.site_a, "key", sealed, epoch=2)
    assert refusal(installation, keeper) == (b"x", "secret.refused.epoch")


def test_a_renamed_secret_is_refused(installation, keeper):
    installation.put(installation.site_a, "harmless", b"value")
    installation.sql("UPDATE secrets SET name='key'")
    assert refusal(installation, keeper) == (b"x", "secret.refused.authentication")


def test_a_secret_moved_to_another_site_is_refused(installation, keeper):
    installation.put(installation.site_a, "key", b"value")
    installation.sql("UPDATE secrets SET site_id=?", installation.site_b)
    assert refusal(installation, keeper, site=installation.site_b) == (b"x", "secret.refused.authentication")


def test_two_secrets_that_were_swapped_are_refused(installation, keeper):
    one = installation.put(installation.site_a, "one", b"1")
    two = installation.put(installation.site_a, "two", b"2")
    installation.write(installation.site_a, "one", two)
    installation.write(installation.site_a, "two", one)
    assert refusal(installation, keeper, "one") == (b"x", "secret.refused.authentication")
    assert refusal(installation, keeper, "two") == (b"x", "secret.refused.authentication")


def test_a_secret_swapped_after_it_was_read_is_refused(installation, keeper):
    installation.put(installation.site_a, "key", b"value")
    assert refusal(installation, keeper) == (b"vvalue", "secret.read")
    # Sealed properly, by somebody who has the public key, but under a revision that was used already.
    installation.put(installation.site_a, "key", b"planted")
    assert refusal(installation, keeper) == (b"x", "secret.refused.swapped")


def test_an_older_revision_is_refused_even_after_a_restart(installation, start):
    old = installation.put(installation.site_a, "key", b"old", revision=3)
    installation.put(installation.site_a, "key", b"new", revision=4)
    keeper = start()
    assert refusal(installation, keeper) == (b"vnew", "secret.read")
    installation.write(installation.site_a, "key", old, revision=3)
    assert refusal(installation, keeper) == (b"r", "secret.refused.rollback")
    assert keeper.notices()[-1]["class"] == "rollback"
    keeper.kill()
    again = start()
    assert again.open_run(installation.site_a, "later").get("key") == b"r"
    assert again.check(installation, "key") == ["rollback"]


def test_a_check_counts_as_seen(installation, keeper):
    old = installation.put(installation.site_a, "key", b"old", revision=1)
    installation.put(installation.site_a, "key", b"new", revision=2)
    assert keeper.check(installation, "key") == ["ok"]
    installation.write(installation.site_a, "key", old, revision=1)
    assert refusal(installation, keeper) == (b"r", "secret.refused.rollback")


def test_garbage_with_a_high_revision_does_not_lock_the_real_secret_out(installation, keeper):
    sealed = installation.put(installation.site_a, "key", b"value", revision=5)
    installation.write(installation.site_a, "key", sealed, revision=2**62)
    assert refusal(installation, keeper) == (b"x", "secret.refused.authentication")
    installation.write(installation.site_a, "key", sealed, revision=5)
    assert refusal(installation, keeper) == (b"vvalue", "secret.read")


def test_a_value_sealed_to_another_key_is_refused(installation, keeper):
    foreign = public_key_from_seed(generate_seed())
    binding = {"site_id": installation.site_a, "epoch": 1, "name": "key", "revision": 1}
    installation.write(installation.site_a, "key", seal_secret(foreign, value=b"value", **binding))
    assert refusal(installation, keeper) == (b"x", "secret.refused.authentication")


def test_a_bad_row_does_not_break_the_others(installation, keeper):
    installation.write(installation.site_a, "bad", b"\x01garbage")
    installation.put(installation.site_a, "good", b"value")
    run = keeper.open_run(installation.site_a)
    assert (run.get("bad"), run.get("good")) == (b"x", b"vvalue")
    assert keeper.check(installation, "bad", "good") == ["format", "ok"]


def test_rows_that_cannot_be_read_at_all_are_refused(installation, keeper):
    run = keeper.open_run(installation.site_a)
    installation.home.app_db.rename(installation.home.app_db.with_suffix(".away"))
    assert run.get("key") == b"x"
    assert run.has("key") == b"x"
    assert installation.events() == ["secret.refused.unavailable"]
