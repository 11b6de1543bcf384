"""Bech32 (BIP 173) without its limit on the length, as age writes keys."""

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def encode(prefix: str, data: bytes | bytearray) -> str:
    """Return ``data`` in lower case under ``prefix``."""
    values = _regroup(data, 8, 5, pad=True)
    check = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    values += [(check >> 5 * (_CHECKSUM - 1 - index)) & 31 for index in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix, in lower case, and the data.

    Raises:
        ValueError: not Bech32, of mixed case, or the checksum is wrong. The message holds nothing of the text.
    """
    if not text.isascii() or text not in {text.lower(), text.upper()}:
        raise ValueError("not Bech32")
    prefix, one, coded = text.lower().rpartition("1")
    if not one or not prefix or len(coded) < _CHECKSUM or any(char not in _VALUES for char in coded):
        raise ValueError("not Bech32")
    values = [_VALUES[char] for char in coded]
    if _polymod([*_expand(prefix), *values]) != 1:
        raise ValueError("wrong checksum")
    return prefix, bytes(_regroup(values[:-_CHECKSUM], 5, 8, pad=False))


def _expand(prefix: str) -> list[int]:
    return [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for index, factor in enumerate(_GENERATOR):
            if top >> index & 1:
                check ^= factor
    return check


def _regroup(data: bytes | bytearray | list[int], width: int, into: int, *, pad: bool) -> list[int]:
    held, bits, groups = 0, 0, []
    for value in data:
        held = (held << width | value) & 0xFFFF
        bits += width
        while bits >= into:
            bits -= into
            groups.append(held >> bits & ((1 << into) - 1))
    rest = held & ((1 << bits) - 1)
    if pad and bits:
        groups.append(rest << (into - bits))
    elif not pad and (bits >= width or rest):
        raise ValueError("padding is not zero")
    return groups
