import gc
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightdrop.crypto import sealing
from nightdrop.crypto.info import BindingInvalidError
from nightdrop.crypto.opening import OpenError, SitePrivateKey, open_secret, open_seed, wipe
from nightdrop.crypto.policy import Policy, PolicyInvalidError
from nightdrop.crypto.seeds import KeyInvalidError, generate_seed, public_key_from_seed, seal_seed

SEED = bytes(range(32))
PUBLIC = public_key_from_seed(SEED)
KEY = SitePrivateKey(SEED)
AT: dict[str, Any] = {"site_id": "ste_a", "epoch": 1, "name": "api", "revision": 1}

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=600)
names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=128)
tokens = st.lists(st.from_regex(r"[a-z0-9.:*-]{1,40}", fullmatch=True), max_size=5).map(tuple)
policies = st.builds(
    Policy,
    mode=st.sampled_from(["read", "use"]),
    hosts=tokens,
    scripts=tokens,
    expires_ms=st.none() | st.integers(1, 2**53 - 1),
)


@settings(max_examples=60, deadline=None)
@given(texts, policies, names, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_what_is_sealed_opens_as_what_it_was(text: str, policy: Policy, name: str, epoch: int, revision: int) -> None:
    at: dict[str, Any] = {"site_id": "ste_a", "epoch": epoch, "name": name, "revision": revision}
    sealed = sealing.seal_secret(PUBLIC, value=text.encode(), policy=policy, **at)
    assert sealing.check_sealed_form(sealed) == sealing.sealed_epoch(sealed) == epoch
    assert open_secret(KEY, sealed, **at) == (text.encode(), policy)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1402), st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(index: int, bit: int) -> None:
    sealed = bytearray(sealing.seal_secret(PUBLIC, value=b"x", **AT))
    assert len(sealed) == 1403
    sealed[index] ^= 1 << bit
    with pytest.raises(OpenError):
        open_secret(KEY, sealed, **AT)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_give_a_typed_failure(data: bytes) -> None:
    with pytest.raises(OpenError):
        open_secret(KEY, data, **AT)
    with pytest.raises(OpenError):
        open_seed(SEED, data, purpose="site", subject="ste_a", epoch=1)


def test_the_largest_value_and_policy_open() -> None:
    policy = Policy(hosts=tuple(f"{number:0300d}" for number in range(53)))
    value = b"v" * sealing.MAX_VALUE_BYTES
    sealed = sealing.seal_secret(PUBLIC, value=value, policy=policy, **AT)
    assert len(sealed) <= sealing.MAX_SEALED_BYTES
    assert open_secret(KEY, sealed, **AT) == (value, policy)


def test_the_length_tells_only_the_step() -> None:
    lengths = {len(sealing.seal_secret(PUBLIC, value=b"x" * size, **AT)) for size in (1, 17, 240)}
    assert lengths == {sealing.MIN_SEALED_BYTES}
    assert len(sealing.seal_secret(PUBLIC, value=b"x" * 241, **AT)) == sealing.MIN_SEALED_BYTES + 256


def test_sealing_twice_gives_two_ciphertexts() -> None:
    first, second = (sealing.seal_secret(PUBLIC, value=b"same", **AT) for _ in range(2))
    assert first[11:] != second[11:]


@pytest.mark.parametrize(
    "key", [b"", PUBLIC[:-1], PUBLIC + b"\0", bytes(1216), b"\xff" * 1216, PUBLIC[:1184] + bytes(32)]
)
def test_what_is_no_public_key_is_refused(key: bytes) -> None:
    with pytest.raises(KeyInvalidError):
        sealing.seal_secret(key, value=b"x", **AT)
    with pytest.raises(KeyInvalidError):
        seal_seed(key, SEED, purpose="site", subject="ste_a", epoch=1)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with pytest.raises(KeyInvalidError):
        public_key_from_seed(seed)
    with pytest.raises(KeyInvalidError):
        SitePrivateKey(seed)
    with pytest.raises(KeyInvalidError):
        seal_seed(PUBLIC, seed, purpose="site", subject="ste_a", epoch=1)


@pytest.mark.parametrize("wrong", [{"epoch": -1}, {"epoch": 2**32}, {"revision": -1}, {"revision": 2**64}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BindingInvalidError):
        sealing.seal_secret(PUBLIC, value=b"x", **(AT | wrong))


def test_generated_seeds_differ() -> None:
    assert generate_seed() != generate_seed()


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "both"},
        {"hosts": ("a b",)},
        {"hosts": 'a"b'},
        {"scripts": ("",)},
        {"expires_ms": 0},
        {"expires_ms": True},
    ],
)
def test_a_policy_that_is_not_valid_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(PolicyInvalidError):
        Policy(**fields)


def test_a_policy_longer_than_its_limit_is_refused() -> None:
    with pytest.raises(PolicyInvalidError):
        sealing.seal_secret(PUBLIC, value=b"x", policy=Policy(hosts=tuple(f"{n:0300d}" for n in range(60))), **AT)


def test_a_policy_is_in_order_however_it_was_given() -> None:
    assert Policy(hosts=("B.example", "a.example", "b.example")).hosts == ("a.example", "b.example")
    assert Policy(mode="read", hosts=(), scripts=(), expires_ms=None) == Policy.DEFAULT
    assert Policy.DEFAULT.but(mode="use").mode == "use"


def test_a_private_key_shows_and_pickles_nothing() -> None:
    assert SEED.hex() not in repr(KEY)
    assert repr(KEY) == "<SitePrivateKey>"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


def test_the_callers_value_is_left_alone() -> None:
    value = bytearray(b"needle")
    sealing.seal_secret(PUBLIC, value=value, **AT)
    assert value == b"needle"


def test_nothing_reachable_holds_the_value_after_the_wipe() -> None:
    needle = b"-".join([b"needle", b"in", b"a", b"haystack"])
    sealed = sealing.seal_secret(PUBLIC, value=needle, **AT)
    value, policy = open_secret(KEY, sealed, **AT)
    assert value == needle
    wipe(value)
    assert value == bytes(len(needle))
    wipe(needle)
    seen = [value, policy, sealed, KEY]
    seen += gc.get_referents(*seen)
    held = [item for item in seen if isinstance(item, (bytes, bytearray)) and b"haystack" in item]
    assert held == []


def test_a_failure_holds_nothing_of_the_record() -> None:
    """The frames that a traceback keeps alive hold only the wiped buffer."""
    from nightdrop.crypto import info, suite
    from nightdrop.crypto.header import pack_header

    record = b"\x01" + (7).to_bytes(4) + b'{"v":2}' + (8).to_bytes(4) + b"haystack"
    sealed = pack_header(1) + suite.hpke_encrypt(record.ljust(256, b"\0"), PUBLIC, info.secret_info(suite.SUITE, **AT))
    with pytest.raises(OpenError) as caught:
        open_secret(KEY, sealed, **AT)
    frames = []
    error: BaseException | None = caught.value
    while error is not None:
        traceback = error.__traceback__
        while traceback is not None:
            frames.append(traceback.tb_frame)
            traceback = traceback.tb_next
        error = error.__context__
    own = [
        item
        for frame in frames
        if "/crypto/opening" in frame.f_code.co_filename or "/crypto/record" in frame.f_code.co_filename
        for item in frame.f_locals.values()
    ]
    buffers = [bytes(item) for item in own if isinstance(item, (bytes, bytearray, memoryview))]
    assert bytes(256) in buffers
    assert not any(b"haystack" in buffer for buffer in buffers)
