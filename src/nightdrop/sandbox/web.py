"""The web process's own cage: it runs as the user who owns the keys, and yet cannot read them.

Landlock takes away every file but its program, its database and its sockets, and with it the node key, the
keeper's database and the memory and environment of every other process of the same user. A filter takes away
what Landlock does not judge.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from nightdrop.core.errors import UnavailableError
from nightdrop.core.home import Home
from nightdrop.sandbox import landlock, seccomp
from nightdrop.sandbox.process import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE, drop_capabilities
from nightdrop.sandbox.profiles import WEB, WEB_WITH_LOCAL_CONNECTIONS, WEB_WITHOUT_CONNECTIONS
from nightdrop.sandbox.program import SYSTEM, existing, program

# A port below 1024, and for root a program that lies in the directory of another user.
_CAPABILITIES = (CAP_NET_BIND_SERVICE, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)


class NodeKeyReachableError(UnavailableError):
    """The node key lies where the web process can read it."""

    code = "node_key_reachable"
    hint = "Move it to a directory of its own, outside the home, /etc and /usr, and name it as node_key."


def confine_web(home: Home, node_key: Path, *, connect_ports: Sequence[int] = (), reads: Sequence[Path] = ()) -> bool:
    """Confine this process, which must have one thread; return whether the kernel could.

    Args:
        home: its database directory and its sockets stay writable, nothing else.
        node_key: where the node key lies, to be sure that it is out of reach.
        connect_ports: TCP ports that it may connect to, as those of PostgreSQL.
        reads: files that it reads as well. A rule stays with the file: one that is put in its place is out of reach,
            unless it lies below /etc, as a renewed certificate does.

    Raises:
        NodeKeyReachableError: the node key lies below what the process has to read.
        OSError: the kernel has Landlock and refused all the same.
    """
    if not landlock.abi():
        return False
    # SQLite's temporary files would go to /tmp.
    os.environ["SQLITE_TMPDIR"] = str(home.app_db.parent)
    home.run_dir.joinpath("wake").mkdir(mode=0o700, exist_ok=True)
    rules = _rules(home, reads)
    _keep_away(node_key, rules)
    ruleset = landlock.build_ruleset(rules, network="listen", connect_ports=connect_ports)
    try:
        drop_capabilities(keep=_CAPABILITIES)
        landlock.restrict_self(ruleset)
        if seccomp.is_available():
            seccomp.install(seccomp.build(WEB))
    finally:
        os.close(ruleset)
    return True


def forbid_connections(*, but_local_sockets: bool = False) -> None:
    """Let this process connect to nobody from now on, but to the ports of ``confine_web``.

    Call it when its own listeners are there.

    Args:
        but_local_sockets: let it connect to any socket in the file system, for a database behind one of them.

    Raises:
        OSError: the kernel refused.
    """
    if landlock.abi() and seccomp.is_available():
        profile = WEB_WITH_LOCAL_CONNECTIONS if but_local_sockets else WEB_WITHOUT_CONNECTIONS
        seccomp.install(seccomp.build(profile), all_threads=True)


def _rules(home: Home, reads: Sequence[Path]) -> list[tuple[str, landlock.Access]]:
    rules: list[tuple[str, landlock.Access]] = [(path, "ro") for path in existing([*SYSTEM, *program()])]
    ours = [home.root / "nightdrop.json", home.config_file, *reads]
    rules += [(path, "ro") for path in existing(map(str, ours))]
    return [*rules, (str(home.app_db.parent), "rw"), (str(home.run_dir), "rw+sockets")]


def _keep_away(node_key: Path, rules: list[tuple[str, landlock.Access]]) -> None:
    real = node_key.resolve()
    if any(real.is_relative_to(Path(path).resolve()) for path, _ in rules):
        raise NodeKeyReachableError
