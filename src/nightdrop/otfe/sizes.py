"""How large a file is when it is encrypted, and the other way."""

from nightdrop.otfe.errors import SizeError

CHUNK_BYTES = 65536
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
NONCE_BYTES = 16


def encrypted_size(plain: int, header: int) -> int:
    """Return the size in bytes of an encrypted file.

    Args:
        plain: size of the content in bytes.
        header: size of the file's header in bytes; ``OtfeKey.header_bytes`` knows it for files that a key writes.
    """
    chunks = max(1, -(-plain // CHUNK_BYTES))
    return header + NONCE_BYTES + plain + chunks * TAG_BYTES


def plain_size(encrypted: int, header: int) -> int:
    """Return the size in bytes of the content of an encrypted file, from sizes alone: nothing of it is checked.

    Raises:
        SizeError: no encrypted file with this header has this size.
    """
    payload = encrypted - header - NONCE_BYTES
    full, rest = divmod(payload, SEALED_CHUNK_BYTES)
    if payload < TAG_BYTES or 0 < rest < TAG_BYTES or (rest == TAG_BYTES and full):
        raise SizeError
    return full * CHUNK_BYTES + max(0, rest - TAG_BYTES)
