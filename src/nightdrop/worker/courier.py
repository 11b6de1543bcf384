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
from dataclasses import dataclass
from functools import cache
from typing import Any

from nightdrop.core.ownership import GivingRefusedError
from nightdrop.core.wire import Channel, ChannelClosedError
from nightdrop.sandbox.landlock import Rule, restrict_files
from nightdrop.syncjs import mail, remotes
from nightdrop.syncjs.files import Roots
from nightdrop.syncjs.mail.draft import MailSettings
from nightdrop.syncjs.mail.service import MailService
from nightdrop.syncjs.net import BrokerConnector, ConnectError
from nightdrop.syncjs.remotes import web
from nightdrop.syncjs.remotes.encryption import codec
from nightdrop.syncjs.remotes.local import Give, SiteFiles
from nightdrop.syncjs.remotes.port import Dial, DialError
from nightdrop.syncjs.remotes.service import RemoteService
from nightdrop.syncjs.tls import client_context

Narrow = Callable[[list[Rule]], None]


def preload() -> None:
    """Import what would be imported late: a confined process finds no module."""
    # asyncssh wants to know who and where we are, and would look it up in files; it uses neither here.
    os.environ |= {"LOGNAME": "nightdrop", "HOME": "/nonexistent"}
    for package in (remotes, mail):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    # What the others import at their first use.
    for late in ("_strptime", "concurrent.futures.thread", "email.base64mime", "email.generator", "email.quoprimime"):
        importlib.import_module(late)
    web.preload()
    _trusting()
    for encoding in ("idna", "punycode", "ascii", "latin-1", "utf-8-sig", "unicode_escape"):
        codecs.lookup(encoding)


def main(
    gateway: socket.socket, broker: socket.socket, worker: socket.socket, *, narrow: Narrow = restrict_files
) -> None:
    """Serve one run until its gateway is gone.

    Args:
        gateway: channel to the gateway; the first message on it is the worker's.
        broker: the run's second channel to the broker.
        worker: channel to the worker, which gives files to accounts.
        narrow: takes away every file but the site's; only permissive mode passes another.
    """
    channel = Channel(gateway)
    try:
        begin = channel.recv_json()
        roots = Roots.open(begin["files"], begin["paths"])
        narrow(roots.rules())
        files = SiteFiles(roots, _giver(Channel(worker)))
        services = _services(channel, BrokerConnector(Channel(broker)), files, begin["mail"])
        while True:
            channel.send_json({"v": services.answer(channel.recv_json()), "moved": services.remotes.moved})
    except ChannelClosedError:
        return


@dataclass(frozen=True, slots=True)
class _Services:
    remotes: RemoteService
    mail: MailService

    def answer(self, request: dict[str, Any]) -> Any:
        match request["op"]:
            case "mail":
                return self.mail.send(request["message"])
            case "connect":
                return self.remotes.connect(request["client"], request["kind"], request["fields"], request["options"])
            case _:
                return self.remotes.call(request["client"], request["method"], request["args"], request["options"])


def _services(gateway: Channel, broker: BrokerConnector, files: SiteFiles, settings: dict[str, Any]) -> _Services:
    dial = _dialer(broker)

    def log(level: str, text: str) -> None:
        gateway.send_json({"log": [level, text]})

    def secret(name: str) -> str:
        gateway.send_json({"secret": name})
        return str(gateway.recv_json()["secret"])

    return _Services(
        RemoteService(dial, files, log, secret, codecs=codec, context=_trusting),
        MailService(MailSettings(**settings), dial, files, log, secret, context=_trusting),
    )


def _giver(worker: Channel) -> Give:
    def give(file: int, account: str) -> None:
        try:
            worker.send_json({"give": account}, [file])
            problem = worker.recv_json()["problem"]
        except (ChannelClosedError, OSError):
            raise GivingRefusedError("the worker does not answer") from None
        if problem is not None:
            raise GivingRefusedError(str(problem))

    return give


@cache
def _trusting() -> ssl.SSLContext:
    """Return the context that verifies servers; made before the files with the authorities are out of reach."""
    return client_context()


def _dialer(broker: BrokerConnector) -> Dial:
    def dial(host: str, port: int, timeout_s: float, *, again: bool = False) -> socket.socket:
        try:
            return broker.connect(host, port, timeout_s, again=again)
        except ConnectError as error:
            raise DialError(error.message) from None

    return dial
