"""Checks both audit logs: each chain for itself, then against every signed checkpoint that is at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nightdrop.audit.chain import VerifyResult
from nightdrop.audit.checkpoint import Checkpoint, Log, Verdict, read_checkpoint
from nightdrop.audit.checkpoints import CUT, Kept, keeper_log_name, kept_checkpoints, site_log_hash
from nightdrop.audit.keeper_chain import KeeperLogs, open_keeper_logs
from nightdrop.audit.log import verify_log
from nightdrop.core.errors import InvalidError
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.notes import NoteInvalidError
from nightdrop.db.engine import Database

EXPORTED = "exported"
# It was noticed before, and new checkpoints go on from there.
WAS_CUT = "was_cut"


class OtherKeeperError(InvalidError):
    """keeper.db has another identity than the one that is known for this home."""

    code = "other_keeper"
    hint = "Compare with the fingerprint that init printed. Restore keeper/keeper.db from a backup."


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; ``verdict`` is ``holds`` or what is wrong, ``detail`` a sentence."""

    log: str
    against: str
    verdict: str
    entries: int
    detail: str

    @property
    def ok(self) -> bool:
        return self.verdict == Verdict.HOLDS


def verify_logs(
    db: Database, keeper_db: Path | str, *, identity: str | None = None, exported: Sequence[str] = ()
) -> list[Finding]:
    """Check everything; both databases may be in use.

    Args:
        db: app.db.
        keeper_db: the keeper's database: the file, or a URL as ``keeper_config`` gives it.
        identity: the fingerprint that is known for the keeper, ``None`` to believe keeper.db.
        exported: signed checkpoints that were kept elsewhere.

    Raises:
        OtherKeeperError: keeper.db has another identity.
        NoteInvalidError: what was exported is not a checkpoint of this keeper.
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError, and errors of app.db.
    """
    # Before the logs, which may grow meanwhile.
    with db.read() as connection, open_keeper_logs(keeper_db) as keeper_logs:
        public = _public(keeper_logs, identity)
        kept = kept_checkpoints(connection)
        remembered = keeper_logs.remembered_note(Log.SITE)
        # A chain that is gone as a whole is still in the checkpoints.
        chains = sorted({*keeper_logs.chains(), *(_chain_of(each.log) for each in kept if each.log != Log.SITE)})
    findings: list[Finding] = []
    here = [*_stored("app.db", kept, public, findings), *_remembered(remembered, public, findings)]
    elsewhere = [(EXPORTED, *_read_exported(note, public, chains)) for note in exported]
    with db.read() as connection, open_keeper_logs(keeper_db) as keeper_logs:
        logs = [_Log(Log.SITE, verify_log(connection), lambda seq: site_log_hash(connection, seq))]
        for name in chains:
            log = keeper_logs.log(name)
            logs.append(_Log(keeper_log_name(name), log.verify(), log.entry_hash))
        by_name = {log.name: log for log in logs}
        checked = [_compare(source, each, by_name[name]) for source, name, each in [*here, *elsewhere]]
    return [*map(_chain, logs), *findings, *checked]


@dataclass(frozen=True, slots=True)
class _Log:
    name: str
    chain: VerifyResult
    hash_of: Callable[[int], bytes | None]


def _chain_of(name: str) -> str:
    return name.removesuffix(CUT).removeprefix(Log.KEEPER).removeprefix("/") if name.startswith(Log.KEEPER) else ""


def _read_exported(note: str, public: bytes, chains: Sequence[str]) -> tuple[str, Checkpoint]:
    for chain in chains:
        with suppress(NoteInvalidError):
            found = read_checkpoint(note, public, chain)
            return (str(Log.SITE) if found.log is Log.SITE else keeper_log_name(chain)), found
    raise NoteInvalidError


def _title(name: str) -> str:
    if name == Log.SITE:
        return "the log of what people did"
    return f"the log of keeper {_chain_of(name)}" if _chain_of(name) else "the keeper's log"


def _public(logs: KeeperLogs, identity: str | None) -> bytes:
    public = logs.identity()
    if public is None or (identity is not None and fingerprint(public) != identity):
        raise OtherKeeperError
    return public


def _chain(log: _Log) -> Finding:
    title, result = _title(log.name), log.chain
    if result.ok:
        text = f"The chain of {title} holds, {result.entries} entries."
        return Finding(log.name, "chain", Verdict.HOLDS, result.entries, text)
    text = f"The chain of {title} breaks at entry {result.broken_at}: {result.reason}."
    return Finding(log.name, "chain", "broken", result.entries, text)


def _stored(
    source: str, kept: list[Kept], public: bytes, findings: list[Finding]
) -> Iterator[tuple[str, str, Checkpoint]]:
    for each in kept:
        name = each.log.removesuffix(CUT)
        try:
            found = read_checkpoint(each.note, public, _chain_of(name))
        except NoteInvalidError:
            found = None
        if found is None or found.log != name.partition("/")[0]:
            text = f"The checkpoint of {each.log} in {source} is not signed by this keeper."
            findings.append(Finding(each.log, source, "forged", each.size, text))
        elif each.contradicted:
            text = f"At some time {_title(name)} lacked entries of the {found.size} that it had had."
            findings.append(Finding(name, source, WAS_CUT, found.size, text))
        else:
            yield source, name, found


def _remembered(note: str | None, public: bytes, findings: list[Finding]) -> Iterator[tuple[str, str, Checkpoint]]:
    if note is None:
        return
    try:
        yield "keeper.db", Log.SITE, read_checkpoint(note, public)
    except NoteInvalidError:
        text = "The checkpoint in keeper.db is not signed by this keeper."
        findings.append(Finding(Log.SITE, "keeper.db", "forged", 0, text))


def _compare(source: str, checkpoint: Checkpoint, log: _Log) -> Finding:
    chain = log.chain
    verdict = checkpoint.judge(chain.entries, log.hash_of(checkpoint.size))
    where = "the exported file" if source == EXPORTED else source
    name = _title(log.name)
    texts = {
        Verdict.HOLDS: f"{name} has the {checkpoint.size} entries of the checkpoint in {where}.",
        Verdict.CUT: f"{name} has {chain.entries} entries, and had {checkpoint.size} (checkpoint in {where}).",
        Verdict.REWRITTEN: f"{name} was written anew: entry {checkpoint.size} is another one (checkpoint in {where}).",
    }
    text = texts[verdict]
    return Finding(log.name, source, verdict, checkpoint.size, text[0].upper() + text[1:])
