"""Why a file cannot be encrypted or decrypted. No message holds a key, a passphrase or a byte of content."""

from nightdrop.core.errors import InvalidError, Kind, NightdropError, TooLargeError, UnavailableError


class OtfeError(NightdropError):
    """The file cannot be encrypted or decrypted."""

    code = "otfe"
    kind = Kind.INVALID


class NotEncryptedError(OtfeError):
    """This is not an encrypted file: it does not begin as age files do."""

    code = "otfe_not_encrypted"
    hint = "Was it stored before the encryption was switched on? Read it without."


class ArmoredError(OtfeError):
    """This file is encrypted in age's text form; only the binary form is read."""

    code = "otfe_armored"
    hint = "Whoever writes it must leave out the option --armor of age."


class VersionError(OtfeError):
    """The file has a later version of age's format than v1."""

    code = "otfe_version"
    hint = "Encrypt it as age-encryption.org/v1."


class HeaderError(OtfeError):
    """The header of the encrypted file is not well formed."""

    code = "otfe_header"
    hint = "The file was damaged, or converted as if it were text. Transfer it again, in binary."


class HeaderChangedError(OtfeError):
    """The header of the encrypted file was changed after it was written."""

    code = "otfe_header_changed"
    hint = "Transfer the file again; if that does not help, somebody has altered it."


class WrongKeyError(OtfeError):
    """The file is encrypted to other keys, or with another passphrase."""

    code = "otfe_wrong_key"
    hint = "Ask whoever wrote it for which recipient; nightdrop otfe inspect shows the kinds."


class WorkFactorError(OtfeError):
    """The passphrase of this file would take more memory and time to check than is allowed."""

    code = "otfe_work_factor"
    hint = "Encrypt it anew with a lower work factor, or to a recipient."


class TruncatedError(OtfeError):
    """The encrypted file is cut off: its end is missing."""

    code = "otfe_truncated"
    hint = "Transfer it again."


class DamagedError(OtfeError):
    """The encrypted file was changed or cut off after it was written."""

    code = "otfe_damaged"
    hint = "Transfer it again; if that does not help, somebody has altered it."


class TrailingDataError(OtfeError):
    """There is more data after the end of the encrypted file."""

    code = "otfe_trailing"
    hint = "Were two files joined, or was one resumed at the wrong place? Transfer it again."


class SizeError(OtfeError):
    """No encrypted file has this size."""

    code = "otfe_size"
    hint = "The file is cut off, or not encrypted."


class KeyEmptyError(InvalidError):
    """The encryption key is empty."""

    code = "otfe_key_empty"
    hint = "Is there a secret of that name, and may this script read it?"


class KeyFormError(InvalidError):
    """The encryption key looks like an age key and is not a valid one."""

    code = "otfe_key_invalid"
    hint = "Was it cut or mistyped? A passphrase has no word that begins with age1 or AGE-SECRET-KEY-."


class KeyUnsupportedError(InvalidError):
    """Keys of this kind are not supported for encrypting files."""

    code = "otfe_key_unsupported"
    hint = "Make an age identity with: nightdrop otfe keygen"


class KeysMixedError(InvalidError):
    """A post-quantum recipient cannot be combined with one that a quantum computer opens."""

    code = "otfe_key_mixed"
    hint = "Give recipients of one kind: age1pq1..., or the others."


class NoIdentityError(InvalidError):
    """Decrypting takes an identity or a passphrase; a recipient only encrypts."""

    code = "otfe_key_no_identity"
    hint = "Give the identity (AGE-SECRET-KEY-...) that belongs to the recipient."


class TooManyRecipientsError(TooLargeError):
    """There are more recipients than the header of a file has room for."""

    code = "otfe_too_many_recipients"
    hint = "Give 600 recipients at most, or 40 post-quantum ones."


class ScryptMemoryError(UnavailableError):
    """There is not enough memory to work with a passphrase."""

    code = "otfe_memory"
    hint = "A passphrase takes 256 MiB while a file begins. Use a recipient instead: it takes none."
