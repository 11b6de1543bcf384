"""Sealing as the command line does it."""

import base64
from typing import Any

from nightdrop.cli.client import Client
from nightdrop.crypto.sealing import seal_secret


def seal_for(api: Client, site: str, name: str, value: bytes) -> dict[str, Any]:
    """Return the body that stores ``value`` as the next revision of ``name``; asks for the site's key."""
    key = api.get(f"{site}/sealing-key", name=name)
    sealed = seal_secret(
        base64.b64decode(key["public_key"]),
        site_id=key["site_id"],
        epoch=key["epoch"],
        name=name,
        revision=key["revision"],
        value=value,
    )
    return {"sealed": base64.b64encode(sealed).decode(), "revision": key["revision"], "epoch": key["epoch"]}
