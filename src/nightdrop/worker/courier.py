"""The courier: talks to remote hosts for one run, and knows only the credentials that it needs there.

Confined like a gateway before ``main`` is called; it narrows itself to the site's directories. The gateway asks for
one thing at a time; lines for the run's log go back to it on the same channel, because only the gateway knows what
to mask.
"""

import codecs
import importlib
import os
import pkgutil
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

from nightdrop.core.wire import Channel, ChannelClosedError
from nightdrop.sandbox.landlock import Rule, restrict_files
from nightdrop.syncjs import remotes
from nightdrop.syncjs.files import Roots
from nightdrop.syncjs.net import BrokerConnector, ConnectError
from nightdrop.syncjs.remotes import web
from nightdrop.syncjs.remotes.encryption import codec
from nightdrop.syncjs.remotes.local import SiteFiles
from nightdrop.syncjs.remotes.port import Dial, DialError
from nightdrop.syncjs.remotes.service import RemoteService
from nightdrop.syncjs.tls import client_context

Narrow = Callable[[list[Rule]], None]


def preload() -> None:
    """Import what would be imported late: a confined process finds no module."""
    # asyncssh wants to know who and where we are, and would look it up in files; it uses neither here.
    os.environ |= {"LOGNAME": "nightdrop", "HOME": "/nonexistent"}
    for module in pkgutil.iter_modules(remotes.__path__):
        importlib.import_module(f"{remotes.__name__}.{module.name}")
    for late in ("_strptime", "concurrent.futures.thread"):
        importlib.import_module(late)
    web.preload()
    _trusting()
    for encoding in ("idna", "ascii", "latin-1", "utf-8-sig", "unicode_escape"):
        codecs.lookup(encoding)


def main(gateway: socket.socket, broker: socket.socket, *, narrow: Narrow = restrict_files) -> None:
    """Serve one run until its gateway is gone.

    Args:
        gateway: channel to the gateway; the first message on it is the worker's.
        broker: the run's second channel to the broker.
        narrow: takes away every file but the site's; only permissive mode passes another.
    """
    channel = Channel(gateway)
    try:
        begin = channel.recv_json()
        roots = Roots.open(begin["files"], begin["paths"])
        narrow(roots.rules())
        service = RemoteService(
            _dialer(BrokerConnector(Channel(broker))),
            SiteFiles(roots),
            lambda level, text: channel.send_json({"log": [level, text]}),
            lambda name: _secret(channel, name),
            codecs=codec,
            context=_trusting,
        )
        while True:
            channel.send_json({"v": _answer(service, channel.recv_json())})
    except ChannelClosedError:
        return


@cache
def _trusting() -> ssl.SSLContext:
    """Return the context that verifies servers; made before the files with the authorities are out of reach."""
    return client_context()


def _dialer(broker: BrokerConnector) -> Dial:
    def dial(host: str, port: int, timeout: float) -> socket.socket:
        try:
            return broker.connect(host, port, timeout)
        except ConnectError as error:
            raise DialError(error.message) from None

    return dial


def _secret(gateway: Channel, name: str) -> str:
    gateway.send_json({"secret": name})
    return str(gateway.recv_json()["secret"])


def _answer(service: RemoteService, request: dict[str, Any]) -> Any:
    if request["op"] == "connect":
        return service.connect(request["client"], request["kind"], request["fields"], request["options"])
    return service.call(request["client"], request["method"], request["args"], request["options"])
