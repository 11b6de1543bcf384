"""Digests of texts, bytes and files."""

import base64
import hashlib
import hmac

from nightdrop.syncjs.files import steps
from nightdrop.syncjs.files.problem import FileProblem
from nightdrop.syncjs.files.tree import Files

# MD5 and SHA-1 are what other systems still publish; they protect against nobody.
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")


def digest(data: bytes, algorithm: str, form: str) -> str:
    """Return the digest of bytes, as ``hex`` or ``base64``.

    Raises:
        FileProblem: there is no such algorithm or form.
    """
    return _shown(_start(algorithm, data).digest(), form)


def file_digest(files: Files, path: str, algorithm: str, form: str) -> str:
    """Return the digest of a file, see ``digest``.

    Raises:
        FileProblem
    """
    state = _start(algorithm)
    with files.reading(path) as file:
        while data := file.read(steps.CHUNK):
            state.update(data)
    return _shown(state.digest(), form)


def keyed_digest(key: bytes, data: bytes, algorithm: str, form: str) -> str:
    """Return the HMAC of bytes (RFC 2104), see ``digest``.

    Raises:
        FileProblem
    """
    return _shown(hmac.digest(key, data, _known(algorithm)), form)


def _start(algorithm: str, data: bytes = b"") -> "hashlib._Hash":
    return hashlib.new(_known(algorithm), data, usedforsecurity=False)


def _known(algorithm: str) -> str:
    name = algorithm.lower().replace("-", "")
    if name not in ALGORITHMS:
        raise FileProblem(f"the algorithm must be one of {', '.join(ALGORITHMS)}")
    return name


def _shown(value: bytes, form: str) -> str:
    if form not in {"hex", "base64"}:
        raise FileProblem("the form must be hex or base64")
    return value.hex() if form == "hex" else base64.b64encode(value).decode()
