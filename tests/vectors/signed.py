"""Vectors of what the keeper's identity signs besides site keys: the list of recipients, and checkpoints."""

from typing import Any

from nightdrop.audit.checkpoint import Checkpoint, Log
from nightdrop.crypto import seeds
from nightdrop.crypto.identity import Identity
from nightdrop.crypto.recipients import sign_recipients

Vector = dict[str, Any]


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def recipients(named: dict[str, bytes]) -> list[Vector]:
    """Return signatures over lists of recipients; ``named`` has the test seeds."""
    signer = Identity(named["identity"])
    node, other, recovery = (
        seeds.public_key_from_seed(named[name]).hex() for name in ("node key", "other site key", "recovery key")
    )
    both = [["node", node], ["recovery", recovery]]

    def signed(members: list[list[str]]) -> bytes:
        return sign_recipients(signer, [(kind, bytes.fromhex(key)) for kind, key in members])

    good = {"id": "good", "failure": None, "identity": signer.public.hex(), "recipients": both}
    good["signature"] = signed(both).hex()
    three = [["node", other], *both]
    changes: dict[str, Vector] = {
        "one-more": {"recipients": three},
        "one-missing": {"recipients": both[:1]},
        "none": {"recipients": []},
        "another-kind": {"recipients": [["node", node], ["node", recovery]]},
        "another-key": {"recipients": [["node", other], both[1]]},
        "twice": {"recipients": [both[0], *both]},
        "signature-bit": {"signature": flip(signed(both)).hex()},
        "signature-empty": {"signature": ""},
        "another-identity": {"identity": Identity(named["node key"]).public.hex()},
    }
    return [
        good,
        {**good, "id": "another-order", "recipients": both[::-1]},
        {**good, "id": "two-nodes", "recipients": three, "signature": signed(three).hex()},
        *({**good, "id": name, "failure": "unsigned", **change} for name, change in changes.items()),
    ]


def checkpoints(named: dict[str, bytes]) -> list[Vector]:
    """Return signed notes; ``named`` has the test seeds."""
    signer = Identity(named["identity"])
    head = bytes(range(32))
    made = {
        "keeper": Checkpoint(Log.KEEPER, 264, head, 1767225600000),
        "site": Checkpoint(Log.SITE, 1, head[::-1], 1),
        "empty-log": Checkpoint(Log.SITE, 0, bytes(32), 0),
        "long-log": Checkpoint(Log.KEEPER, 10**18, head, 999999999999999),
    }
    rows: list[Vector] = [
        {
            "id": name,
            "failure": None,
            "identity": signer.public.hex(),
            "note": each.sign(signer),
            "log": each.log.value,
            "size": each.size,
            "head": each.head.hex(),
            "at_ms": each.at_ms,
        }
        for name, each in made.items()
    ]
    note = str(rows[0]["note"])
    lines = note.splitlines(keepends=True)
    bad = {
        "empty": "",
        "another-size": note.replace("\n264\n", "\n265\n"),
        "another-log": note.replace("nightdrop/keeper/", "nightdrop/site/"),
        "another-head": note.replace(lines[2], lines[2].swapcase()),
        "another-time": note.replace("time 1", "time 2"),
        "size-with-zero": note.replace("\n264\n", "\n0264\n"),
        "line-more": note.replace("\n\n", "\nmore\n\n"),
        "no-signature": "".join(lines[:5]),
        "signature-bit": note[:-3] + ("B" if note[-3] == "A" else "A") + "=\n",
        "no-line-break-at-the-end": note[:-1],
        "text-behind": note + "more\n",
        "carriage-returns": note.replace("\n", "\r\n"),
        "hyphen-for-dash": note.replace("\N{EM DASH}", "-"),
    }
    rows += [
        {"id": name, "failure": "note", "identity": signer.public.hex(), "note": text} for name, text in bad.items()
    ]
    stranger = Identity(named["node key"]).public.hex()
    return [*rows, {"id": "another-identity", "failure": "note", "identity": stranger, "note": note}]
