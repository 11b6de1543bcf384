"""The port to WebAuthn (W3C Web Authentication Level 3), and the one thing behind it: the package ``webauthn``.

An optional extra: ``pip install nightdrop[passkeys]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

from nightdrop.core.errors import InvalidError, UnavailableError

_TIMEOUT_MS = 300_000


class PasskeysMissingError(UnavailableError):
    """This server cannot take passkeys."""

    code = "passkeys_missing"
    hint = "Install them on the server: pip install 'nightdrop[passkeys]'"


class PasskeyInvalidError(InvalidError):
    """The answer of the authenticator is not valid."""

    code = "passkey_invalid"
    hint = "Begin again."


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom an authenticator signs: the host's name and the page's origin."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A passkey that an authenticator made."""

    credential: bytes
    public_key: bytes
    sign_count: int


class PasskeyPort(Protocol):
    """What is needed of WebAuthn. Both ``verify`` methods raise ``PasskeyInvalidError``."""

    def registration_options(
        self, rp: RelyingParty, challenge: bytes, user_id: bytes, user_name: str, known: Sequence[bytes]
    ) -> dict[str, Any]: ...

    def verify_registration(self, rp: RelyingParty, challenge: bytes, answer: dict[str, Any]) -> Registered: ...

    def sign_in_options(self, rp: RelyingParty, challenge: bytes) -> dict[str, Any]: ...

    def verify_sign_in(
        self, rp: RelyingParty, challenge: bytes, answer: dict[str, Any], public_key: bytes, sign_count: int
    ) -> int: ...


def passkeys_available() -> bool:
    """Tell whether the extra is installed."""
    return find_spec("webauthn") is not None


def passkey_port() -> PasskeyPort:
    """Return the port.

    Raises:
        PasskeysMissingError
    """
    if not passkeys_available():
        raise PasskeysMissingError
    return _Webauthn()


class _Webauthn:
    """The package, imported when it is first used: few servers need it, and it is large."""

    def registration_options(
        self, rp: RelyingParty, challenge: bytes, user_id: bytes, user_name: str, known: Sequence[bytes]
    ) -> dict[str, Any]:
        from webauthn import generate_registration_options
        from webauthn.helpers import options_to_json_dict, structs

        options = generate_registration_options(
            rp_id=rp.id,
            rp_name="nightdrop",
            user_id=user_id,
            user_name=user_name,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            # It takes the place of name, password and code: the authenticator must know the account and its owner.
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=credential) for credential in known],
        )
        return options_to_json_dict(options)

    def verify_registration(self, rp: RelyingParty, challenge: bytes, answer: dict[str, Any]) -> Registered:
        from webauthn import verify_registration_response
        from webauthn.helpers import parse_registration_credential_json

        try:
            credential = parse_registration_credential_json(answer)
            _refuse_attestation(credential.response.attestation_object)
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=rp.id,
                expected_origin=rp.origin,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - whatever a parser of foreign bytes says, its text repeats them
            raise PasskeyInvalidError from None
        return Registered(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def sign_in_options(self, rp: RelyingParty, challenge: bytes) -> dict[str, Any]:
        from webauthn import generate_authentication_options
        from webauthn.helpers import options_to_json_dict, structs

        options = generate_authentication_options(
            rp_id=rp.id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def verify_sign_in(
        self, rp: RelyingParty, challenge: bytes, answer: dict[str, Any], public_key: bytes, sign_count: int
    ) -> int:
        from webauthn import verify_authentication_response

        try:
            verified = verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=rp.id,
                expected_origin=rp.origin,
                credential_public_key=public_key,
                credential_current_sign_count=sign_count,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - see above
            raise PasskeyInvalidError from None
        return verified.new_sign_count


def _refuse_attestation(attestation_object: bytes) -> None:
    # Nobody asked for it, so the verifiers of its many forms need not see what was sent.
    from webauthn.helpers import parse_attestation_object, structs

    if parse_attestation_object(attestation_object).fmt != structs.AttestationFormat.NONE:
        raise PasskeyInvalidError
