"""PuTTY's private key files, versions 2 and 3 (PuTTY manual, appendix C)."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2d, Argon2i, Argon2id

_MAC_LABEL = b"putty-private-key-file-mac-key"
_ARGON: dict[str, type[Argon2i] | type[Argon2d] | type[Argon2id]] = {
    "Argon2i": Argon2i,
    "Argon2d": Argon2d,
    "Argon2id": Argon2id,
}
_CURVES: dict[bytes, ec.EllipticCurve] = {
    b"nistp256": ec.SECP256R1(),
    b"nistp384": ec.SECP384R1(),
    b"nistp521": ec.SECP521R1(),
}
# Beyond what PuTTY writes by far; a file may not ask for all the memory there is.
_MAX_KIB = 1024 * 1024
_MAX_PASSES = 10_000
_MAX_LANES = 64
_MAX_LINES = 1000

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class PuttyKeyError(ValueError):
    """Not a key file that we can use; the text says why and holds nothing of the file."""


@dataclass(frozen=True, slots=True)
class _Keys:
    cipher: bytes
    iv: bytes
    mac: bytes


def is_putty(text: str) -> bool:
    return text.lstrip().startswith("PuTTY-User-Key-File-")


def to_openssh(text: str, passphrase: str) -> bytes:
    """Return the key as an unencrypted OpenSSH private key.

    Raises:
        PuttyKeyError: the passphrase is wrong, or this is not such a file.
    """
    try:
        key = _load(text, passphrase)
    except PuttyKeyError:
        raise
    except (ValueError, KeyError, IndexError, UnsupportedAlgorithm):
        raise PuttyKeyError("the PuTTY key file is damaged") from None
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def _load(text: str, passphrase: str) -> PrivateKey:
    fields, blobs = _fields(text)
    version = next((n for n in (2, 3) if f"PuTTY-User-Key-File-{n}" in fields), None)
    if version is None:
        raise PuttyKeyError("this version of PuTTY key files is not supported")
    algorithm = fields[f"PuTTY-User-Key-File-{version}"]
    public, private = blobs["Public-Lines"], blobs["Private-Lines"]
    encrypted = fields["Encryption"] != "none"
    if encrypted and not passphrase:
        raise PuttyKeyError("the key file needs a passphrase")
    keys = _derive(version, fields, passphrase.encode() if encrypted else b"", encrypted)
    if encrypted:
        private = _decrypt(private, keys)
    signed = b"".join(
        _string(part)
        for part in (algorithm.encode(), fields["Encryption"].encode(), fields["Comment"].encode(), public, private)
    )
    digest = hashlib.sha1 if version == 2 else hashlib.sha256
    if not hmac.compare_digest(hmac.new(keys.mac, signed, digest).hexdigest(), fields["Private-MAC"].lower()):
        raise PuttyKeyError("the passphrase of the key file is wrong" if encrypted else "the PuTTY key file is damaged")
    return _key(public, private)


def _fields(text: str) -> tuple[dict[str, str], dict[str, bytes]]:
    fields: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    lines = iter(text.strip().splitlines()[:_MAX_LINES])
    for line in lines:
        name, _, value = line.partition(": ")
        if not name.endswith("-Lines"):
            fields[name] = value
            continue
        try:
            blobs[name] = base64.b64decode("".join(next(lines) for _ in range(int(value))), validate=True)
        except (binascii.Error, StopIteration, RuntimeError):
            raise PuttyKeyError("the PuTTY key file is damaged") from None
    return fields, blobs


def _derive(version: int, fields: dict[str, str], passphrase: bytes, encrypted: bool) -> _Keys:
    if fields["Encryption"] not in ("none", "aes256-cbc"):
        raise PuttyKeyError("the encryption of the key file is not supported")
    if version == 2:
        stream = b"".join(_sha1(bytes((0, 0, 0, n)) + passphrase) for n in (0, 1))
        return _Keys(stream[:32], bytes(16), _sha1(_MAC_LABEL + passphrase))
    if not encrypted:
        return _Keys(b"", b"", b"")
    memory, passes = int(fields["Argon2-Memory"]), int(fields["Argon2-Passes"])
    lanes = int(fields["Argon2-Parallelism"])
    if memory > _MAX_KIB or passes > _MAX_PASSES or lanes > _MAX_LANES:
        raise PuttyKeyError("the key file asks for too much work")
    kdf = _ARGON[fields["Key-Derivation"]](
        salt=bytes.fromhex(fields["Argon2-Salt"]),
        length=80,
        iterations=passes,
        lanes=lanes,
        memory_cost=memory,
    )
    stream = kdf.derive(passphrase)
    return _Keys(stream[:32], stream[32:48], stream[48:])


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data).digest()  # noqa: S324 - what version 2 of the format says


def _decrypt(data: bytes, keys: _Keys) -> bytes:
    decryptor = Cipher(algorithms.AES256(keys.cipher), modes.CBC(keys.iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _key(public: bytes, private: bytes) -> PrivateKey:
    known, secret = _Strings(public), _Strings(private)
    algorithm = known.next()
    if algorithm == b"ssh-rsa":
        e, n = known.integer(), known.integer()
        d, p, q, iqmp = (secret.integer() for _ in range(4))
        numbers = rsa.RSAPrivateNumbers(
            p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), iqmp, rsa.RSAPublicNumbers(e, n)
        )
        return numbers.private_key()
    if algorithm == b"ssh-ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret.next()[:32])
    if algorithm.startswith(b"ecdsa-sha2-"):
        return ec.derive_private_key(secret.integer(), _CURVES[known.next()])
    raise PuttyKeyError("this type of key is not supported: use RSA, ECDSA or Ed25519")


class _Strings:
    """Strings of the SSH wire form, one after the other (RFC 4251, 5)."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def next(self) -> bytes:
        size = int.from_bytes(self._data[:4])
        if len(self._data) < 4 + size:
            raise PuttyKeyError("the PuTTY key file is damaged")
        value, self._data = self._data[4 : 4 + size], self._data[4 + size :]
        return value

    def integer(self) -> int:
        return int.from_bytes(self.next())


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data
