"""Bytes of an answer to text, with decoders that are loaded before the process is confined."""

import codecs
import encodings.aliases
import re
from collections.abc import Mapping

# The encodings of the WHATWG Encoding Standard that Python has; UTF-7 is left out there and here on purpose.
_CODECS = (
    "utf_8_sig utf_16 utf_16_be utf_16_le ascii latin_1 iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 "
    "iso8859_8 iso8859_10 iso8859_13 iso8859_14 iso8859_15 iso8859_16 koi8_r koi8_u cp437 cp850 cp866 mac_roman "
    "cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 gbk gb18030 big5 euc_jp iso2022_jp shift_jis "
    "cp932 euc_kr cp949 utf_32"
)
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:+-]{1,40})""", re.IGNORECASE)


def _load() -> Mapping[str, codecs.CodecInfo]:
    known = {name: codecs.lookup(name) for name in _CODECS.split()}
    known["utf_8"] = known["utf_8_sig"]
    # As browsers do: what calls itself GB2312 is mostly GBK, of which it is a part.
    known["gb2312"] = known["gbk"]
    aliases = {alias: known[name] for alias, name in encodings.aliases.aliases.items() if name in known}
    return {**aliases, **known}


# At import time: a codec is a module, and the process that decodes cannot import any more.
_DECODERS = _load()


def decode_text(body: bytes | bytearray, content_type: str) -> str:
    """Return ``body`` as text in the charset of ``content_type``, UTF-8 by default; wrong bytes become U+FFFD."""
    found = _CHARSET.search(content_type)
    label = found.group(1).lower().replace("-", "_").replace(":", "_") if found else "utf_8"
    info = _DECODERS.get(label, _DECODERS["utf_8"])
    text, _ = info.decode(bytes(body), "replace")
    return text
