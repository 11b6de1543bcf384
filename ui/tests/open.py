"""Open a sealed secret as the keeper does: the request as JSON on standard input, the value on standard output."""

import json
import sys

from nightdrop.crypto.opening import SitePrivateKey, open_secret

request = json.load(sys.stdin)
value, _policy = open_secret(
    SitePrivateKey(bytes.fromhex(request["seed"])),
    bytes.fromhex(request["sealed"]),
    site_id=request["siteId"],
    epoch=request["epoch"],
    name=request["name"],
    revision=request["revision"],
)
sys.stdout.buffer.write(value)
