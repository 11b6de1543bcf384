"""A client object of a script, without script and sandbox: the service called as the gateway calls it."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightdrop.syncjs.files import Roots
from nightdrop.syncjs.remotes.local import SiteFiles
from nightdrop.syncjs.remotes.port import DialError, Limits
from nightdrop.syncjs.remotes.service import RemoteService
from nightdrop.syncjs.remotes.transfer import CodecError


def dial(host: str, port: int, timeout_s: float, *, again: bool = False) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout_s)
    except OSError as exc:
        raise DialError(exc.strerror or "cannot connect") from None
    sock.settimeout(None)
    return sock


def no_codec(_: str) -> Any:
    raise CodecError("no codec in this test")


@dataclass
class Client:
    """One client; ``local`` is the site's directory."""

    kind: str
    local: Path
    fields: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    context: Any = None
    codecs: Any = lambda key: no_codec(key)
    dial: Any = dial
    log: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        more = {"context": self.context} if self.context else {}
        self.service = RemoteService(
            lambda *where, **how: self.dial(*where, **how),
            SiteFiles(Roots.open(str(self.local))),
            lambda level, text: self.log.append((level, text)),
            lambda name: self.secrets.get(name, ""),
            codecs=lambda key: self.codecs(key),
            limits=self.limits,
            **more,
        )

    def connect(self) -> bool:
        return self.service.connect(1, self.kind, self.fields, self.options)

    def __getattr__(self, method: str) -> Any:
        if not method[0].isupper():
            raise AttributeError(method)
        return lambda *args: self.service.call(1, method, list(args), self.options)

    def close(self) -> None:
        self.service.close()

    def lines(self, level: str | None = None) -> str:
        return "\n".join(text for found, text in self.log if level in (None, found))
