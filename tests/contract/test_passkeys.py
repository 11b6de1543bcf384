"""Passkeys, with a software authenticator."""

import copy

import pytest
from sqlalchemy import text

from accounts import HERE, PASSWORD
from authenticator import Authenticator
from nightdrop.access import passkey_port
from nightdrop.access.confirm import PasswordWrongError
from nightdrop.access.passkey_port import PasskeyInvalidError, PasskeysMissingError, RelyingParty
from nightdrop.access.passkeys import PasskeyExistsError, PasskeyMissingError, PasskeyNameError, PasskeyRefusedError
from nightdrop.access.sessions import Origin
from nightdrop.access.throttle import ThrottledError
from nightdrop.core.errors import DeniedError
from vault import OWNER

RP = RelyingParty("localhost", "http://localhost:8420")


@pytest.fixture
def bob(accounts):
    return accounts.new("bob")


def add(accounts, caller, device=None, name="laptop"):
    device = device or Authenticator()
    options = accounts.passkeys.begin_adding(caller, PASSWORD, RP)
    return device, accounts.passkeys.add(caller, name, device.create(options), RP)


def enter(accounts, device, origin=HERE, old=None):
    return accounts.passkeys.sign_in(device.get(accounts.passkeys.begin_sign_in(RP, origin)), RP, origin, old)


def test_a_passkey_is_added_and_signs_in(accounts, bob, clock):
    device, passkey = add(accounts, bob.caller)
    clock.advance(5000)
    planted = accounts.enter("bob")
    session = enter(accounts, device, old=planted.cookie)
    assert accounts.credentials.of_session(session.cookie).name == "bob"
    assert accounts.credentials.of_session(planted.cookie) is None
    [shown] = accounts.account.get(session.caller).passkeys
    assert (shown.id, shown.name, shown.used_ms - shown.created_ms) == (passkey, "laptop", 5000)
    assert enter(accounts, device)


def test_what_the_browser_is_asked_for(accounts, bob):
    device, _ = add(accounts, bob.caller)
    options = accounts.passkeys.begin_adding(bob.caller, PASSWORD, RP)
    assert options["rp"] == {"name": "nightdrop", "id": "localhost"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert [each["id"] for each in options["excludeCredentials"]] == [device.get(options)["id"]]
    options = accounts.passkeys.begin_sign_in(RP, HERE)
    # It names no account: asking tells nothing of who has one.
    assert options.get("allowCredentials", []) == []
    assert options["userVerification"] == "required"


def test_to_add_one_takes_the_password(accounts, bob):
    with pytest.raises(PasswordWrongError):
        accounts.passkeys.begin_adding(bob.caller, "not the password", RP)


BAD = [
    {"origin": "http://evil.example"},
    {"origin": "http://localhost:9"},
    {"rp_id": "evil.example"},
    {"flags": 0x01},
    {"flags": 0x04},
    {"flags": 0},
]


@pytest.mark.parametrize("wrong", BAD, ids=str)
def test_a_passkey_of_another_page_or_without_its_owner_is_not_added(accounts, bob, wrong):
    with pytest.raises(PasskeyInvalidError):
        add(accounts, bob.caller, Authenticator(**wrong))
    assert accounts.account.get(bob.caller).passkeys == ()


@pytest.mark.parametrize("form", ["packed", "tpm", "fido-u2f", "android-safetynet", "x"])
def test_attestation_that_nobody_asked_for_is_refused(accounts, bob, form):
    with pytest.raises(PasskeyInvalidError):
        add(accounts, bob.caller, Authenticator(attestation=form))


@pytest.mark.parametrize("wrong", BAD, ids=str)
def test_an_answer_for_another_page_or_without_its_owner_signs_nobody_in(accounts, bob, wrong):
    device, _ = add(accounts, bob.caller)
    for name, value in wrong.items():
        setattr(device, name, value)
    with pytest.raises(PasskeyInvalidError):
        enter(accounts, device)


def test_an_answer_works_once(accounts, bob, clock):
    device, _ = add(accounts, bob.caller)
    answer = device.get(accounts.passkeys.begin_sign_in(RP, HERE))
    accounts.passkeys.sign_in(answer, RP, HERE)
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.sign_in(answer, RP, HERE)
    late = device.get(accounts.passkeys.begin_sign_in(RP, HERE))
    clock.advance(300_000)
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.sign_in(late, RP, HERE)


def test_a_challenge_is_for_one_purpose_and_one_admin(accounts, bob):
    device, _ = add(accounts, bob.caller)
    eve = accounts.new("eve").caller
    adding = accounts.passkeys.begin_adding(bob.caller, PASSWORD, RP)
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.add(eve, "x", Authenticator().create(adding), RP)
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.sign_in(device.get(adding), RP, HERE)
    signing = accounts.passkeys.begin_sign_in(RP, HERE)
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.add(bob.caller, "x", Authenticator().create(signing), RP)
    made_up = {"challenge": "A" * 43}
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.sign_in(device.get(made_up), RP, HERE)


def test_a_copied_passkey_is_noticed_by_its_count(accounts, bob):
    device, _ = add(accounts, bob.caller)
    copied = copy.copy(device)
    enter(accounts, device)
    enter(accounts, device)
    with pytest.raises(PasskeyInvalidError):
        enter(accounts, copied)


def test_another_key_under_a_known_credential_is_refused(accounts, bob):
    device, _ = add(accounts, bob.caller)
    with pytest.raises(PasskeyInvalidError):
        enter(accounts, Authenticator(credential=device.credential))
    with pytest.raises(PasskeyRefusedError):
        enter(accounts, Authenticator())


def test_a_passkey_is_dead_with_its_account(accounts, bob):
    device, _ = add(accounts, bob.caller)
    accounts.admins.change(OWNER, bob.caller.admin_id, disabled=True)
    with pytest.raises(PasskeyRefusedError):
        enter(accounts, device)
    accounts.admins.change(OWNER, bob.caller.admin_id, disabled=False)
    assert enter(accounts, device)
    accounts.admins.reset(OWNER, bob.caller.admin_id)
    with pytest.raises(PasskeyRefusedError):
        enter(accounts, device)


def test_one_removes_ones_own_only(accounts, bob):
    device, passkey = add(accounts, bob.caller)
    eve = accounts.new("eve").caller
    for missing in (passkey, "x", "key_01aaaaaaaaaaaaaaaaaaaaaaaa"):
        with pytest.raises(PasskeyMissingError):
            accounts.passkeys.remove(eve, missing)
    with pytest.raises(DeniedError):
        accounts.passkeys.remove(OWNER, passkey)
    accounts.passkeys.remove(bob.caller, passkey)
    with pytest.raises(PasskeyRefusedError):
        enter(accounts, device)


def test_how_many_and_which(accounts, bob):
    device, _ = add(accounts, bob.caller)
    with pytest.raises(PasskeyExistsError):
        add(accounts, bob.caller, device)
    with pytest.raises(PasskeyExistsError):
        add(accounts, accounts.new("eve").caller, device)
    for name in ("", " x", "x" * 65, "x\n"):
        with pytest.raises(PasskeyNameError):
            add(accounts, bob.caller, name=name)
    for number in range(19):
        add(accounts, bob.caller, name=f"key {number}")
    with pytest.raises(PasskeyExistsError):
        add(accounts, bob.caller)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"response": None},
        {"response": {"clientDataJSON": 7}},
        {"response": {"clientDataJSON": "!"}},
        {"response": {"clientDataJSON": "W10"}},
        {"rawId": [], "response": {"clientDataJSON": "eyJjaGFsbGVuZ2UiOiAiQUEifQ"}},
        {"rawId": "\u00e9", "response": {"clientDataJSON": "\u00e9"}},
    ],
    ids=str,
)
def test_what_is_no_answer_is_refused(accounts, bob, answer):
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.sign_in(answer, RP, HERE)
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.add(bob.caller, "x", answer, RP)


def test_a_right_challenge_with_rubbish_around_it_is_refused(accounts, bob):
    device, _ = add(accounts, bob.caller)
    for field, value in [
        ("signature", "AA"),
        ("authenticatorData", "AA"),
        ("authenticatorData", ""),
        ("signature", 7),
        ("authenticatorData", None),
    ]:
        answer = device.get(accounts.passkeys.begin_sign_in(RP, HERE))
        answer["response"][field] = value
        with pytest.raises(PasskeyInvalidError):
            accounts.passkeys.sign_in(answer, RP, HERE)
    options = accounts.passkeys.begin_adding(bob.caller, PASSWORD, RP)
    answer = Authenticator().create(options)
    answer["response"]["attestationObject"] = "oA"
    with pytest.raises(PasskeyInvalidError):
        accounts.passkeys.add(bob.caller, "x", answer, RP)


def test_asking_does_not_fill_the_database(accounts, bob, clock):
    for _ in range(119):
        accounts.passkeys.begin_sign_in(RP, HERE)
    with pytest.raises(ThrottledError):
        for _ in range(3):
            accounts.passkeys.begin_sign_in(RP, HERE)
    accounts.passkeys.begin_sign_in(RP, Origin("192.0.2.99"))
    clock.advance(300_000)
    accounts.passkeys.begin_sign_in(RP, Origin("192.0.2.99"))
    with accounts.db.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM passkey_challenges")).scalar() == 1


def test_without_the_extra_it_says_so(accounts, bob, monkeypatch):
    monkeypatch.setattr(passkey_port, "passkeys_available", lambda: False)
    for call in (
        lambda: accounts.passkeys.begin_adding(bob.caller, PASSWORD, RP),
        lambda: accounts.passkeys.begin_sign_in(RP, HERE),
        lambda: accounts.passkeys.sign_in({}, RP, HERE),
    ):
        with pytest.raises(PasskeysMissingError) as caught:
            call()
        assert "pip install" in caught.value.hint
