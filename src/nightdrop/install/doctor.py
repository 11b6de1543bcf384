"""``nightdrop doctor``: one check after the other, each with its remedy. Changes nothing."""

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from nightdrop.audit.verification import WAS_CUT, verify_logs
from nightdrop.core.config import Config, load_config
from nightdrop.core.errors import NightdropError
from nightdrop.core.home import Home, open_home
from nightdrop.crypto.suite import require_support
from nightdrop.db.clock import check_clock
from nightdrop.db.engine import Database
from nightdrop.db.migrate import require_head
from nightdrop.install.audit import keeper_place
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_postgres import SCHEMA
from nightdrop.sandbox import probe

_MAY_LOOK = text("SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = :schema")
_LOW_SPACE = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``state`` is ok, warn or fail."""

    name: str
    state: str
    detail: str
    remedy: str = ""


def examine(root: Path) -> list[Check]:
    """Run every check that is possible; one that fails never stops the next."""
    checks = [_attempt("python", _crypto), *_sandbox()]
    try:
        home = open_home(root)
        config = load_config(home)
    except NightdropError as error:
        return [*checks, Check("home", "fail", error.message, error.hint)]
    checks.append(_attempt("home", lambda: _home(home)))
    checks.append(_attempt("database", lambda: _database(home, config)))
    checks.append(_attempt("node key", lambda: _node_key(home, config)))
    checks.append(_attempt("audit", lambda: _audit(home, config)))
    return checks


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except NightdropError as error:
        return Check(name, "fail", error.message, error.hint)


def _crypto() -> Check:
    require_support()
    return Check("python", "ok", f"Python {platform.python_version()}, cryptography with ML-KEM.")


def _sandbox() -> Iterator[Check]:
    level = probe()
    states = {"full": "ok", "partial": "warn", "none": "fail"}
    yield Check("sandbox", states[level.level], f"Level {level.level}.", " ".join(level.missing()))


def _home(home: Home) -> Check:
    free = shutil.disk_usage(home.root).free
    detail = f"{home.root}, {free // (1024 * 1024)} MiB free."
    if free < _LOW_SPACE:
        return Check("home", "warn", detail, "Free some space: writes fail when the disk is full.")
    return Check("home", "ok", detail)


def _database(home: Home, config: Config) -> Check:
    with Database.open(config.database_url(home)) as db:
        require_head(db)
        if not db.is_sqlite:
            return _postgres(db)
        with db.read() as connection:
            found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if found != "ok":
        return Check("database", "fail", "app.db is damaged.", "Stop nightdrop and restore a backup.")
    return Check("database", "ok", "SQLite, sound, schema up to date.")


def _postgres(db: Database) -> Check:
    check_clock(db)
    with db.read() as connection:
        may_look = connection.execute(_MAY_LOOK, {"schema": SCHEMA}).scalar()
    if may_look:
        remedy = f"Give the keeper a role of its own, and no other role a right in the schema {SCHEMA}."
        return Check("database", "warn", "PostgreSQL. The application's role may use the keeper's schema.", remedy)
    return Check("database", "ok", "PostgreSQL, schema up to date.")


def _node_key(home: Home, config: Config) -> Check:
    path = config.node_key_path(home)
    problems = FileCustody(path).check()
    if problems:
        first = problems[0]
        return Check("node key", "fail", first.message, first.hint)
    if path.resolve().is_relative_to(home.root.resolve()):
        remedy = "Move it outside and set node_key in nightdrop.toml: a copy of the home would open everything."
        return Check("node key", "warn", f"{path} lies inside the home.", remedy)
    return Check("node key", "ok", str(path))


def _audit(home: Home, config: Config) -> Check:
    with Database.open(config.database_url(home)) as db:
        require_head(db)
        findings = verify_logs(db, keeper_place(home))
    wrong = sorted((finding for finding in findings if not finding.ok), key=lambda finding: finding.verdict == WAS_CUT)
    if wrong:
        remedy = (
            "Somebody changed a database, or it is damaged, or a backup was restored. Keep a copy and compare it with"
            " an earlier backup. See: nightdrop audit verify"
        )
        if wrong[0].verdict == WAS_CUT:
            remedy += " and, when you know why, nightdrop audit accept"
        return Check("audit", "warn" if wrong[0].verdict == WAS_CUT else "fail", wrong[0].detail, remedy)
    chains = [finding.entries for finding in findings if finding.against == "chain"]
    signed = len(findings) - len(chains)
    detail = f"{len(chains)} audit logs hold, {sum(chains)} entries, and agree with {signed} checkpoints."
    return Check("audit", "ok", detail)
