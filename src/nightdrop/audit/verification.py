"""Checks both audit logs: each chain for itself, then against every signed checkpoint that is at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from nightdrop.audit.chain import VerifyResult
from nightdrop.audit.checkpoint import Checkpoint, Log, Verdict, read_checkpoint
from nightdrop.audit.checkpoints import Kept, kept_checkpoints, site_log_hash
from nightdrop.audit.keeper_chain import KeeperLog, open_keeper_log
from nightdrop.audit.log import verify_log
from nightdrop.core.errors import InvalidError
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.notes import NoteInvalidError
from nightdrop.db.engine import Database

EXPORTED = "exported"
# It was noticed before, and new checkpoints go on from there.
WAS_CUT = "was_cut"
_NAMES = {Log.KEEPER: "the keeper's log", Log.SITE: "the log of what people did"}


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
    db: Database, keeper_db: Path, *, identity: str | None = None, exported: Sequence[str] = ()
) -> list[Finding]:
    """Check everything; both databases may be in use.

    Args:
        db: app.db.
        keeper_db: the keeper's database.
        identity: the fingerprint that is known for the keeper, ``None`` to believe keeper.db.
        exported: signed checkpoints that were kept elsewhere.

    Raises:
        OtherKeeperError: keeper.db has another identity.
        NoteInvalidError: what was exported is not a checkpoint of this keeper.
        KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError, and errors of app.db.
    """
    # Before the logs, which may grow meanwhile.
    with db.read() as connection, open_keeper_log(keeper_db) as keeper_log:
        public = _public(keeper_log, identity)
        kept = kept_checkpoints(connection)
        remembered = keeper_log.remembered_note(Log.SITE)
    elsewhere = [(EXPORTED, read_checkpoint(note, public)) for note in exported]
    findings: list[Finding] = []
    with _logs(db, keeper_db) as (connection, keeper_log):
        hashes: dict[Log, Callable[[int], bytes | None]] = {
            Log.KEEPER: keeper_log.entry_hash,
            Log.SITE: lambda seq: site_log_hash(connection, seq),
        }
        chains = {Log.KEEPER: keeper_log.verify(), Log.SITE: verify_log(connection)}
        findings += [_chain(log, result) for log, result in chains.items()]
        here = [*_stored("app.db", kept, public, findings), *_remembered(remembered, public, findings)]
        for source, each in [*here, *elsewhere]:
            findings.append(_compare(source, each, chains[each.log], hashes[each.log](each.size)))
    return findings


@contextmanager
def _logs(db: Database, keeper_db: Path) -> Iterator[tuple[Connection, KeeperLog]]:
    with db.read() as connection, open_keeper_log(keeper_db) as keeper_log:
        yield connection, keeper_log


def _public(log: KeeperLog, identity: str | None) -> bytes:
    public = log.identity()
    if public is None or (identity is not None and fingerprint(public) != identity):
        raise OtherKeeperError
    return public


def _chain(log: Log, result: VerifyResult) -> Finding:
    if result.ok:
        text = f"The chain of {_NAMES[log]} holds, {result.entries} entries."
        return Finding(log, "chain", Verdict.HOLDS, result.entries, text)
    text = f"The chain of {_NAMES[log]} breaks at entry {result.broken_at}: {result.reason}."
    return Finding(log, "chain", "broken", result.entries, text)


def _stored(source: str, kept: list[Kept], public: bytes, findings: list[Finding]) -> Iterator[tuple[str, Checkpoint]]:
    for each in kept:
        try:
            found = read_checkpoint(each.note, public)
        except NoteInvalidError:
            found = None
        if found is None or found.log != each.log.partition(".")[0]:
            text = f"The checkpoint of {each.log} in {source} is not signed by this keeper."
            findings.append(Finding(each.log, source, "forged", each.size, text))
        elif each.contradicted:
            text = f"At some time {_NAMES[found.log]} lacked entries of the {found.size} that it had had."
            findings.append(Finding(found.log, source, WAS_CUT, found.size, text))
        else:
            yield source, found


def _remembered(note: str | None, public: bytes, findings: list[Finding]) -> Iterator[tuple[str, Checkpoint]]:
    if note is None:
        return
    try:
        yield "keeper.db", read_checkpoint(note, public)
    except NoteInvalidError:
        text = "The checkpoint in keeper.db is not signed by this keeper."
        findings.append(Finding(Log.SITE, "keeper.db", "forged", 0, text))


def _compare(source: str, checkpoint: Checkpoint, chain: VerifyResult, hash_there: bytes | None) -> Finding:
    verdict = checkpoint.judge(chain.entries, hash_there)
    where = "the exported file" if source == EXPORTED else source
    name = _NAMES[checkpoint.log]
    texts = {
        Verdict.HOLDS: f"{name} has the {checkpoint.size} entries of the checkpoint in {where}.",
        Verdict.CUT: f"{name} has {chain.entries} entries, and had {checkpoint.size} (checkpoint in {where}).",
        Verdict.REWRITTEN: f"{name} was written anew: entry {checkpoint.size} is another one (checkpoint in {where}).",
    }
    text = texts[verdict]
    return Finding(checkpoint.log, source, verdict, checkpoint.size, text[0].upper() + text[1:])
