"""``python -I -m nightdrop.worker.keeper``: serve on an inherited channel, or do one of the ``_COMMANDS``."""

import argparse
import gc
import json
import os
import resource
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from nightdrop.core.clock import SystemClock
from nightdrop.core.errors import NightdropError
from nightdrop.core.home import Home, open_home
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.memory import wipe
from nightdrop.keys import known_identity
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_config import keeper_database
from nightdrop.keys.recovery import parse_recovery_key
from nightdrop.sandbox.process import drop_capabilities, harden
from nightdrop.worker.keeper.keeper import Keeper
from nightdrop.worker.keeper.lock import lock_keeper
from nightdrop.worker.keeper.loop import Loop
from nightdrop.worker.keeper.nodes import OneNodeError, approve, list_nodes, remove
from nightdrop.worker.keeper.recovery import recover
from nightdrop.worker.keeper.rewrap import rewrap
from nightdrop.worker.keeper.sealed_rows import SealedRows, SqliteSealedRows
from nightdrop.worker.keeper.store import KeeperStore
from nightdrop.worker.keeper.store_postgres import PostgresKeeperStore

_LOCK_WAIT_S = 10.0
_MAX_PRINTED = 4096
# What a person's command writes, in the home's second audit chain.
_BY_HAND = "admin"
# How PostgreSQL is reached, as libpq takes it; nothing for SQLite. Not an argument: command lines are readable for
# everybody on the host, and this may hold a password.
_DATABASE = "NIGHTDROP_DATABASE"


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run; exit 0 when the worker closed the channel or the recovery is done, 1 when it cannot start."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given and given[0] in _COMMANDS:
            _COMMANDS[given[0]](_options(given[1:], node=given[0] in {"approve", "remove"}))
        else:
            _serve(_options(given, control=True))
    except NightdropError as error:
        if given and given[0] in _COMMANDS:
            # For the command line, which passes on the code; people read the sentence.
            sys.stdout.write(f"{error.code}\n")
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        sys.exit(1)
    sys.exit(0)


def _options(arguments: list[str], *, control: bool = False, node: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nightdrop.worker.keeper", allow_abbrev=False)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--node-key", type=Path)
    if control:
        parser.add_argument("--control-fd", type=int, required=True)
    if node:
        parser.add_argument("fingerprint")
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace) -> None:
    weaknesses = harden(pdeathsig=True, lock_memory=True)
    drop_capabilities()
    # Ctrl-C and a stopped service reach every process of the group: the keeper ends with its channel, after the runs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    control = socket.socket(fileno=options.control_fd)
    control.set_inheritable(False)
    home = open_home(options.home)
    lock_keeper(home.keeper_db.parent, _LOCK_WAIT_S)
    custody = _custody(home, options)
    keeper = Keeper(lambda: _open_store(home), _rows(home), custody, SystemClock(), weaknesses)
    # What lives as long as the process need not be looked at in every collection.
    gc.freeze()
    try:
        Loop(keeper, control).run()
    finally:
        keeper.close()


def _recover(options: argparse.Namespace) -> None:
    harden(pdeathsig=False, lock_memory=True)
    home = open_home(options.home)
    lock_keeper(home.keeper_db.parent, 0)
    store = _open_store(home)
    try:
        seed = _read_recovery_key()
        try:
            node = recover(store, _custody(home, options).path, seed)
        finally:
            seed.wipe()
    finally:
        store.close()
    sys.stdout.write(f"{node}\n")


def _rewrap(options: argparse.Namespace) -> None:
    harden(pdeathsig=False, lock_memory=True)
    home = open_home(options.home)
    lock_keeper(home.keeper_db.parent, 0)
    store = _open_store(home)
    try:
        node = rewrap(store, _custody(home, options).path)
    finally:
        store.close()
    sys.stdout.write(f"{node}\n")


def _nodes(options: argparse.Namespace) -> None:
    home, store = _open_shared(options)
    with closing(store):
        sys.stdout.write(json.dumps(list_nodes(store, _custody(home, options))) + "\n")


def _approve(options: argparse.Namespace) -> None:
    home, store = _open_shared(options)
    with closing(store):
        approve(store, _custody(home, options), options.fingerprint)


def _remove(options: argparse.Namespace) -> None:
    home, store = _open_shared(options)
    with closing(store):
        sys.stdout.write(json.dumps(remove(store, _custody(home, options), options.fingerprint)) + "\n")


def _open_shared(options: argparse.Namespace) -> tuple[Home, PostgresKeeperStore]:
    """Open the store beside a keeper that may run: with an audit chain, and a lock, of its own."""
    harden(pdeathsig=False, lock_memory=True)
    home = open_home(options.home)
    if (url := keeper_database(home)) is None:
        raise OneNodeError
    lock_keeper(home.keeper_db.parent, _LOCK_WAIT_S, part=_BY_HAND)
    return home, PostgresKeeperStore(url, home.instance, SystemClock(), known=_known(home), part=_BY_HAND)


_COMMANDS = {"recover": _recover, "rewrap": _rewrap, "nodes": _nodes, "approve": _approve, "remove": _remove}


def _open_store(home: Home) -> KeeperStore:
    if (url := keeper_database(home)) is None:
        return KeeperStore(home.keeper_db, SystemClock())
    return PostgresKeeperStore(url, home.instance, SystemClock(), known=_known(home))


def _known(home: Home) -> Path:
    return home.keeper_db.parent / known_identity.FILE


def _rows(home: Home) -> SealedRows:
    where = os.environ.pop(_DATABASE, "")
    if not where:
        return SqliteSealedRows(home.app_db)
    # Not at the top: on SQLite the keeper does without the driver's memory.
    from nightdrop.worker.keeper.sealed_rows_postgres import PostgresSealedRows

    return PostgresSealedRows(where)


def _custody(home: Home, options: argparse.Namespace) -> FileCustody:
    return FileCustody(options.node_key or home.default_node_key())


def _read_recovery_key() -> RedactedBytes:
    buffer = bytearray(_MAX_PRINTED)
    count = 0
    # Read into our own buffer: sys.stdin would keep a copy in its own.
    while count < len(buffer) and (more := os.readv(0, [memoryview(buffer)[count:]])):
        count += more
        if b"\n" in buffer[:count]:
            break
    try:
        return parse_recovery_key(buffer[:count])
    finally:
        wipe(buffer)


if __name__ == "__main__":
    main()
