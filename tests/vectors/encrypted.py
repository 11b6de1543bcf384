"""Vectors of encrypted files and of their keys. Whole files are made once and kept; what is wrong is cut from them."""

import base64
from collections.abc import Mapping
from typing import Any

from nightdrop.core.redacted import RedactedBytes
from nightdrop.otfe import bech32
from nightdrop.otfe.encrypt import Encryptor
from nightdrop.otfe.keys import parse_identity
from nightdrop.otfe.recipients import Recipient
from nightdrop.otfe.scrypt import Passphrase

Vector = dict[str, Any]
Part = tuple[int, int | None] | bytes

CHUNK = 65552
PASSPHRASE = "correct horse"
# A passphrase of a vector takes no time: 2 ** 10 rounds.
_FACTOR = 10


def identity_text(seed: bytes, prefix: str = "age-secret-key-") -> str:
    return bech32.encode(prefix, seed).upper()


def encrypt(recipients: list[Recipient], content: bytes) -> bytes:
    encryptor = Encryptor(recipients)
    return encryptor.update(content) + encryptor.finish()


def content_of(vector: Mapping[str, Any]) -> bytes:
    """Return the content that a vector stands for: a string, repeated and cut to a length."""
    text = str(vector["content"]).encode()
    return (text * (vector["bytes"] // max(1, len(text)) + 1))[: vector["bytes"]]


def file_of(vector: Mapping[str, Any], vectors: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the file of a vector, put together from parts of another one where it says so."""
    if "sealed" in vector:
        return base64.b64decode(vector["sealed"], validate=True)
    whole = file_of(vectors[vector["of"]], vectors)
    return b"".join(
        bytes.fromhex(part) if isinstance(part, str) else whole[part[0] : part[1]] for part in vector["parts"]
    )


def files(named: dict[str, bytes], kept: dict[str, bytes]) -> list[Vector]:
    """Return files and what must come of them; ``named`` has the test seeds, ``kept`` the files that exist."""
    one, other = identity_text(named["site key"]), identity_text(named["other site key"])
    hybrid = identity_text(named["site key"], "age-secret-key-pq-")
    passphrase = Passphrase(RedactedBytes(PASSPHRASE.encode()), work_factor=_FACTOR)
    to_one, to_other, to_hybrid = (parse_identity(text).recipient for text in (one, other, hybrid))
    whole: dict[str, tuple[str, list[Recipient], str, int]] = {
        "empty": (one, [to_one], "", 0),
        "one-byte": (one, [to_one], "a", 1),
        "two-recipients": (one, [to_other, to_one], "nightdrop ", 100),
        "post-quantum": (hybrid, [to_hybrid], "nightdrop ", 100),
        "passphrase": (PASSPHRASE, [passphrase], "nightdrop ", 100),
        "two-chunks": (one, [to_one], "nightdrop ", 65537),
    }
    rows = [
        {
            "id": name, "failure": None, "key": key, "content": text, "bytes": size,
            "sealed": base64.b64encode(kept.get(name) or encrypt(to, (text * 65537)[:size].encode())).decode(),
        }
        for name, (key, to, text, size) in whole.items()
    ]  # fmt: skip
    sealed = {row["id"]: base64.b64decode(row["sealed"]) for row in rows}
    changed = _changed(sealed)
    rows += [
        {
            "id": name, "failure": failure, "key": key or whole[of][0], "of": of,
            "parts": [part.hex() if isinstance(part, bytes) else list(part) for part in parts],
        }
        for name, (failure, of, key, parts) in {**changed, **_other_keys(other, hybrid)}.items()
    ]  # fmt: skip
    return rows


Changed = dict[str, tuple[str, str, str, list[Part]]]


def _other_keys(other: str, hybrid: str) -> Changed:
    whole: list[Part] = [(0, None)]
    return {
        "another-identity": ("otfe_wrong_key", "one-byte", other, whole),
        "another-kind-of-identity": ("otfe_wrong_key", "one-byte", hybrid, whole),
        "identity-for-a-passphrase": ("otfe_wrong_key", "passphrase", other, whole),
        "another-passphrase": ("otfe_wrong_key", "passphrase", PASSPHRASE.upper(), whole),
        "passphrase-for-a-recipient": ("otfe_wrong_key", "one-byte", PASSPHRASE, whole),
        "another-post-quantum-identity": (
            "otfe_wrong_key", "post-quantum", identity_text(bytes(32), "age-secret-key-pq-"), whole,
        ),
    }  # fmt: skip


def _changed(sealed: dict[str, bytes]) -> Changed:
    byte, two, empty = sealed["one-byte"], sealed["two-chunks"], sealed["empty"]
    head, border = len(two) - 65537 - 32, len(two) - 17

    def flipped(of: str, at: int) -> list[Part]:
        data = sealed[of]
        place = at % len(data)
        return [(0, place), bytes([data[place] ^ 1]), (place + 1, None)]

    def replaced(of: str, old: bytes, new: bytes) -> list[Part]:
        at = sealed[of].index(old)
        return [(0, at), new, (at + len(old), None)]

    share = byte.index(b"-> X25519 ") + 10
    mac = byte.index(b"\n--- ") + 5
    work = b" 10\n"
    return {
        "nothing": ("otfe_not_encrypted", "empty", "", []),
        "plain": ("otfe_not_encrypted", "empty", "", [b"name,amount\na,1\n"]),
        "plain-line-break": ("otfe_not_encrypted", "empty", "", [b"\n"]),
        "text-form": ("otfe_armored", "empty", "", [b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"]),
        "version-2": ("otfe_version", "one-byte", "", replaced("one-byte", b"/v1\n", b"/v2\n")),
        "first-line-only": ("otfe_truncated", "one-byte", "", [(0, 22)]),
        "within-the-first-line": ("otfe_truncated", "one-byte", "", [(0, 5)]),
        "carriage-returns": ("otfe_header", "one-byte", "", replaced("one-byte", b"/v1\n", b"/v1\r\n")),
        "no-stanza": ("otfe_header", "one-byte", "", [(0, 22), (mac - 4, None)]),
        "stanza-argument-more": ("otfe_header", "one-byte", "", [(0, share + 43), b" x", (share + 43, None)]),
        "stanza-argument-empty": ("otfe_header", "one-byte", "", [(0, share), b" ", (share, None)]),
        "stanza-share-short": ("otfe_header", "one-byte", "", [(0, share), b"AAAA", (share + 43, None)]),
        "stanza-share-zero": ("otfe_header", "one-byte", "", [(0, share), b"A" * 43, (share + 43, None)]),
        "stanza-body-short": ("otfe_header", "one-byte", "", [(0, share + 44), b"AAAA", (share + 87, None)]),
        "stanza-not-canonical": ("otfe_header", "one-byte", "", [(0, share + 86), b"/", (share + 87, None)]),
        "stanza-padded": ("otfe_header", "one-byte", "", [(0, share + 87), b"=", (share + 87, None)]),
        "stanza-changed": (
            "otfe_wrong_key", "one-byte", "",
            [(0, share + 50), b"B" if byte[share + 50 :].startswith(b"A") else b"A", (share + 51, None)],
        ),
        "stanza-more": (
            "otfe_header_changed", "one-byte", "", [(0, mac - 4), b"-> other\n\n", (mac - 4, None)],
        ),
        "mac-changed": ("otfe_header_changed", "one-byte", "", [(0, mac), b"A" * 43, (mac + 43, None)]),
        "mac-of-another-file": (
            "otfe_header_changed", "one-byte", "", [(0, mac), empty[empty.index(b"\n--- ") + 5 :][:43], (mac + 43, None)],
        ),
        "mac-short": ("otfe_header", "one-byte", "", [(0, mac), b"AAAA", (mac + 43, None)]),
        "mac-not-ascii": ("otfe_header", "one-byte", "", [(0, mac), b"\xc3\xa9", (mac + 2, None)]),
        "stanza-body-not-ascii": ("otfe_header", "one-byte", "", [(0, share + 44), b"\xff", (share + 45, None)]),
        "stanza-argument-not-ascii": ("otfe_header", "one-byte", "", [(0, share), b"\xff", (share + 1, None)]),
        "mac-padded": ("otfe_header", "one-byte", "", [(0, mac + 43), b"=", (mac + 43, None)]),
        "passphrase-and-recipient": (
            "otfe_header", "passphrase", "",
            [(0, sealed["passphrase"].index(b"--- ")), b"-> X25519 x\n\n", (sealed["passphrase"].index(b"--- "), None)],
        ),
        "work-factor-zero-first": ("otfe_header", "passphrase", "", replaced("passphrase", work, b" 010\n")),
        "work-factor-plus": ("otfe_header", "passphrase", "", replaced("passphrase", work, b" +10\n")),
        "work-factor-other": ("otfe_wrong_key", "passphrase", "", replaced("passphrase", work, b" 11\n")),
        "work-factor-too-high": ("otfe_work_factor", "passphrase", "", replaced("passphrase", work, b" 21\n")),
        "work-factor-endless": ("otfe_work_factor", "passphrase", "", replaced("passphrase", work, b" %s\n" % (b"9" * 50))),
        "nonce-missing": ("otfe_truncated", "one-byte", "", [(0, mac + 44)]),
        "nonce-cut": ("otfe_truncated", "one-byte", "", [(0, mac + 59)]),
        "nonce-changed": ("otfe_damaged", "one-byte", "", flipped("one-byte", mac + 44)),
        "payload-missing": ("otfe_truncated", "one-byte", "", [(0, mac + 60)]),
        "payload-shorter-than-a-tag": ("otfe_truncated", "one-byte", "", [(0, -2)]),
        "payload-changed": ("otfe_damaged", "one-byte", "", flipped("one-byte", mac + 60)),
        "tag-changed": ("otfe_damaged", "one-byte", "", flipped("one-byte", -1)),
        "byte-more": ("otfe_damaged", "one-byte", "", [(0, None), b"x"]),
        "cut-at-the-border": ("otfe_truncated", "two-chunks", "", [(0, border)]),
        "cut-in-the-first-chunk": ("otfe_damaged", "two-chunks", "", [(0, head + 1000)]),
        "cut-in-the-last-chunk": ("otfe_truncated", "two-chunks", "", [(0, -2)]),
        "first-chunk-changed": ("otfe_damaged", "two-chunks", "", flipped("two-chunks", head)),
        "first-tag-changed": ("otfe_damaged", "two-chunks", "", flipped("two-chunks", border - 1)),
        "last-chunk-changed": ("otfe_damaged", "two-chunks", "", flipped("two-chunks", border)),
        "first-chunk-missing": ("otfe_damaged", "two-chunks", "", [(0, head), (border, None)]),
        "first-chunk-twice": ("otfe_damaged", "two-chunks", "", [(0, border), (head, None)]),
        "chunks-swapped": ("otfe_damaged", "two-chunks", "", [(0, head), (border, None), (head, border)]),
        "last-chunk-twice": ("otfe_damaged", "two-chunks", "", [(0, None), (border, None)]),
        "chunk-of-another-file": ("otfe_damaged", "two-chunks", "", [(0, border), byte[-17:]]),
    }  # fmt: skip


def keys(named: dict[str, bytes]) -> list[Vector]:
    """Return texts of keys and what they are."""
    one, two = identity_text(named["site key"]), identity_text(named["other site key"])
    hybrid = identity_text(named["site key"], "age-secret-key-pq-")
    to_one, to_two, to_hybrid = (str(parse_identity(text).recipient) for text in (one, two, hybrid))
    spec = identity_text(b"\x42" * 32)
    good: dict[str, tuple[str, list[str], int]] = {
        # The example of c2sp.org/age.
        "specification": (spec, ["age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"], 1),
        "identity": (one, [to_one], 1),
        "identity-line-break": (one + "\r\n", [to_one], 1),
        "identity-file": (f"# created: 2026-01-01T00:00:00Z\n# public key: {to_one}\n{one}\n", [to_one], 1),
        "identities": (f"{one}\n{two}\n", [to_one, to_two], 2),
        "identity-and-recipient": (f"{one} {to_two}", [to_one, to_two], 1),
        "identity-and-its-recipient": (f"{one} {to_one}", [to_one], 1),
        "recipient": (to_one, [to_one], 0),
        "recipients-spaces": (f"{to_one}  {to_two}", [to_one, to_two], 0),
        "recipients-lines": (f"{to_one}\n\n{to_two}\n", [to_one, to_two], 0),
        "recipients-commas": (f"{to_one}, {to_two},", [to_one, to_two], 0),
        "recipient-twice": (f"{to_one} {to_one}", [to_one], 0),
        "post-quantum-identity": (hybrid, [to_hybrid], 1),
        "post-quantum-recipient": (to_hybrid, [to_hybrid], 0),
        "passphrase": (PASSPHRASE, ["passphrase"], 1),
        "passphrase-spaces": (f" {PASSPHRASE} ", ["passphrase"], 1),
        "passphrase-one-letter": ("x", ["passphrase"], 1),
        "passphrase-umlauts": ("schlüssel", ["passphrase"], 1),
        "passphrase-like-a-number-sign": ("#1 in the charts", ["passphrase"], 1),
        "passphrase-with-age-inside": ("cabbage1 village", ["passphrase"], 1),
    }
    bad = {
        "empty": ("otfe_key_empty", ""),
        "spaces": ("otfe_key_empty", " \t\n"),
        "line-break": ("otfe_key_empty", "\n"),
        "recipient-mistyped": ("otfe_key_invalid", to_one[:-1] + ("q" if to_one[-1] != "q" else "p")),
        "recipient-cut": ("otfe_key_invalid", to_one[:-1]),
        "recipient-upper-case": ("otfe_key_invalid", to_one.upper()),
        "recipient-mixed-case": ("otfe_key_invalid", to_one[:-1] + to_one[-1].upper()),
        "recipient-short-data": ("otfe_key_invalid", bech32.encode("age", bytes(31))),
        "recipient-zero": ("otfe_key_invalid", bech32.encode("age", bytes(32))),
        "recipient-and-words": ("otfe_key_invalid", f"{to_one} and others"),
        "words-and-identity": ("otfe_key_invalid", f"my key is {one}"),
        "identity-mistyped": ("otfe_key_invalid", one[:-1] + ("Q" if one[-1] != "Q" else "P")),
        "identity-cut": ("otfe_key_invalid", one[:40]),
        "identity-lower-case": ("otfe_key_invalid", one.lower()),
        "identity-short-data": ("otfe_key_invalid", identity_text(bytes(31))),
        "post-quantum-recipient-cut": ("otfe_key_invalid", to_hybrid[:-20]),
        "post-quantum-recipient-short-data": ("otfe_key_invalid", bech32.encode("age1pq", bytes(1215))),
        "post-quantum-beside-others": ("otfe_key_mixed", f"{to_hybrid} {to_one}"),
        "post-quantum-identity-beside-others": ("otfe_key_mixed", f"{hybrid}\n{to_one}"),
        "ssh-public": ("otfe_key_unsupported", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody"),
        "ssh-private": ("otfe_key_unsupported", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"),
        "plugin-recipient": ("otfe_key_unsupported", bech32.encode("age1yubikey", bytes(33))),
        "plugin-identity": ("otfe_key_unsupported", identity_text(bytes(16), "age-plugin-yubikey-")),
    }
    rows: list[Vector] = [
        {"id": name, "failure": None, "key": text, "recipients": recipients, "identities": count}
        for name, (text, recipients, count) in good.items()
    ]
    return rows + [{"id": name, "failure": failure, "key": text} for name, (failure, text) in bad.items()]
