"""Answers the calls of a run's client objects. No call raises: what goes wrong is a line in the run's log."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from nightdrop.syncjs.remotes import configure
from nightdrop.syncjs.remotes.calls import CALLS, Session, arguments
from nightdrop.syncjs.remotes.fields import CLIENTS, OPTIONS, Client, Field, Value, accept, secret_sources
from nightdrop.syncjs.remotes.kinds import Surroundings, build, label
from nightdrop.syncjs.remotes.local import LocalFileError, LocalFiles
from nightdrop.syncjs.remotes.options import Options
from nightdrop.syncjs.remotes.port import Dial, Limits, Remote, RemoteError
from nightdrop.syncjs.remotes.progress import Level, Log
from nightdrop.syncjs.remotes.transfer import Codec, CodecError
from nightdrop.syncjs.tls import client_context

# A text key of OTFEKey to its codec; raises CodecError.
Codecs = Callable[[str], Codec]
Given = Mapping[str, object]


@dataclass(slots=True)
class _Connected:
    remote: Remote
    log: Log
    limits: Limits
    # Options of a payload that the script has not seen.
    options: dict[str, Value]


class RemoteService:
    """The clients of one run.

    Args:
        dial: gives connected sockets.
        files: the run's local files.
        log: takes level and text of a log line, unmasked.
        secret: returns the value of a secret of the site, ``""`` when there is none.
        codecs: makes the codec for a key; without it on-the-fly encryption is a failure.
        context: returns a TLS context that verifies; called when a connection with TLS is made.
        limits: what servers may make us hold; the timeouts in it are replaced by the client's options.
    """

    def __init__(
        self,
        dial: Dial,
        files: LocalFiles,
        log: Log,
        secret: Callable[[str], str],
        *,
        codecs: Codecs | None = None,
        context: Callable[[], ssl.SSLContext] = client_context,
        limits: Limits | None = None,
    ) -> None:
        self._dial, self._files, self._log, self._secret = dial, files, log, secret
        self._codecs, self._context, self._limits = codecs, context, limits or Limits()
        self._clients: dict[int, _Connected] = {}
        # Bytes of files, in both directions.
        self.moved = 0
        self._runner = asyncio.Runner()

    def connect(self, ident: int, kind: str, fields: Given, options: Given) -> bool:
        """Connect the client object ``ident``; True when that worked."""
        self._drop(ident)
        client = CLIENTS[kind]
        log = self._logger(client.name)
        try:
            values, chosen, sealed = self._values(client, fields, options, log)
            log = self._logger(label(client.name, values))
            limits = replace(
                self._limits, connect_s=_seconds(chosen, "ConnectTimeout"), answer_s=_seconds(chosen, "Timeout")
            )
            around = Surroundings(self._dial, self._files, limits, self._context, partial(log, "warn"))
            remote = build(kind, values, around)
            self._runner.run(remote.connect())
        except RemoteError as exc:
            log("error", f"{exc.step}: {exc.reason}")
            return False
        except Exception as exc:  # noqa: BLE001 - a script goes on, whatever a server makes a library do
            log("error", f"connect: failed inside the client ({type(exc).__name__})")
            return False
        self._clients[ident] = _Connected(remote, log, limits, sealed)
        return True

    def call(self, ident: int, method: str, args: list[Any], options: Given) -> Any:
        """Return the JSON value of a method's result; that of a failure when it failed."""
        if method == "Close":
            return self._drop(ident)
        call = CALLS[method]
        connected = self._clients.get(ident)
        if connected is None:
            self._log("error", f"{method}: not connected; call Connect first")
            return call.failed
        log = connected.log
        session = None
        try:
            values = arguments(call, args)
            session = self._session(connected, options, log)
            return self._runner.run(session.perform(call, values))
        except RemoteError as exc:
            log("error", f"{method}{_first(args)}: {exc.reason}")
        except (LocalFileError, CodecError) as exc:
            log("error", f"{method}{_first(args)}: {exc}")
        except Exception as exc:  # noqa: BLE001 - as above
            log("error", f"{method}{_first(args)}: failed inside the client ({type(exc).__name__})")
        finally:
            self.moved += session.moved if session else 0
        return call.failed

    def close(self) -> None:
        """Close everything."""
        for ident in list(self._clients):
            self._drop(ident)
        self._runner.close()

    def _drop(self, ident: int) -> bool:
        connected = self._clients.pop(ident, None)
        if connected:
            self._runner.run(connected.remote.close())
        return connected is not None

    def _values(
        self, client: Client, fields: Given, options: Given, log: Log
    ) -> tuple[dict[str, Value], dict[str, Any], dict[str, Value]]:
        def warn(text: str) -> None:
            log("warn", text)

        values = accept(fields, client.fields, warn)
        chosen: dict[str, Any] = accept(options, OPTIONS, warn)
        sealed: dict[str, Value] = {}
        if values["PayloadFromSecret"]:
            payload = configure.read_payload(client, self._resolve(str(values["PayloadFromSecret"])))
            values |= payload.fields
            sealed = payload.options
            for text in payload.warnings:
                warn(text)
        self._fill_in(values, client.fields)
        return values, chosen | sealed, sealed

    def _fill_in(self, values: dict[str, Value], fields: tuple[Field, ...]) -> None:
        for named, target in secret_sources(fields).items():
            if values[named]:
                values[target] = self._resolve(str(values[named]))

    def _resolve(self, name: str) -> str:
        value = self._secret(name)
        if not value:
            raise RemoteError("secret", f"there is no value for the secret {name!r}")
        return value

    def _session(self, connected: _Connected, options: Given, log: Log) -> Session:
        chosen: dict[str, Any] = accept(options, OPTIONS, lambda text: log("warn", text)) | connected.options
        self._fill_in(chosen, OPTIONS)
        try:
            read = Options.read(chosen)
        except ValueError:
            raise RemoteError("options", "a transfer policy is none of the four") from None
        return Session(connected.remote, self._files, read, log, connected.limits, self._codec(chosen))

    def _codec(self, chosen: Mapping[str, Any]) -> Codec | None:
        if not chosen["OTFE"]:
            return None
        if not chosen["OTFEKey"]:
            raise CodecError("OTFE is on, but OTFEKey is empty")
        if self._codecs is None:
            raise CodecError("on-the-fly encryption is not available here")
        return self._codecs(chosen["OTFEKey"])

    def _logger(self, name: str) -> Log:
        def write(level: Level, text: str) -> None:
            self._log(level, f"{name}: {text}")

        return write


def _seconds(chosen: Mapping[str, Any], name: str) -> float:
    """Return a time limit; one that is no time means the default, as with HttpCli."""
    default = next(field.default for field in OPTIONS if field.name == name)
    return float(chosen[name] if chosen[name] > 0 else default)


def _first(args: list[Any]) -> str:
    return f" {args[0][:200]}" if args and isinstance(args[0], str) else ""
