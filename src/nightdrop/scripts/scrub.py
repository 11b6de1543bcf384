"""Take a secret out of the code of a script once it is in the store: out of every version, not only the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps

from sqlalchemy import Connection, text

from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError
from nightdrop.core.utf16 import index_of
from nightdrop.db.secret_names import stored_names
from nightdrop.scripts.tokens import Kind, located_tokens

MAX_MOVED = 100
# Shorter text may be a part of anything; outside of literals it stays.
_LEAST_ANYWHERE = 6
_MARK = "(moved to Secrets)"
_CODE = text("SELECT code FROM script_versions WHERE script_id = :id AND number = :number")
_NUMBERS = text("SELECT number FROM script_versions WHERE script_id = :id ORDER BY number")
_REPLACE = text("UPDATE script_versions SET code = :code, sha256 = :sha256 WHERE script_id = :id AND number = :number")


class MovedLiteralError(InvalidError):
    """There is no text in quotes at that place of that version."""

    code = "moved_literal"
    hint = "Load the script again; it may have changed."


class MovedStillThereError(InvalidError):
    """The new version still holds what is to be taken out of the script."""

    code = "moved_still_there"
    hint = "Replace it everywhere by GetSecret with the name of the secret."


class MovedSecretMissingError(NotFoundError):
    """A secret that the text is to be moved to is not stored, so the text stays."""

    code = "moved_secret_missing"
    hint = "Store the secret first."


class MovedTooManyError(ConflictError):
    """That is too much to move at once."""

    code = "moved_too_many"
    hint = "Move at most 100 secrets at a time."


@dataclass(frozen=True, slots=True)
class Moved:
    """A literal that is a secret now: the one that begins at ``start`` (UTF-16 units) of ``version``."""

    secret: str
    version: int
    start: int


@dataclass(frozen=True, slots=True, repr=False)
class Scrubbing:
    """What is taken out, and the name of the secret that has it; it does not show the values."""

    secret_of: dict[str, str]

    def __repr__(self) -> str:
        return f"Scrubbing({len(self.secret_of)})"


def scrubbing(conn: Connection, site: str, script_id: str, moved: Sequence[Moved], code: str) -> Scrubbing:
    """Look up what is to be taken out, and that nothing is lost and nothing left in ``code``, the newest version.

    Raises:
        MovedTooManyError, MovedSecretMissingError, MovedLiteralError, MovedStillThereError.
    """
    if len(moved) > MAX_MOVED:
        raise MovedTooManyError
    stored = stored_names(conn, site, {one.secret for one in moved})
    if any(one.secret not in stored for one in moved):
        raise MovedSecretMissingError(field="moved")
    found = Scrubbing({_literal(conn, script_id, one): one.secret for one in moved})
    if scrubbed(code, found) != code:
        raise MovedStillThereError(field="code")
    return found


def scrub_versions(conn: Connection, script_id: str, what: Scrubbing) -> int:
    """Rewrite the versions that hold it and return how many did."""
    changed = 0
    for number in conn.execute(_NUMBERS, {"id": script_id}).scalars().all():
        code = conn.execute(_CODE, {"id": script_id, "number": number}).scalar_one()
        clean = scrubbed(code, what)
        if clean != code:
            values = {"id": script_id, "number": number, "code": clean, "sha256": sha256(clean.encode()).digest()}
            conn.execute(_REPLACE, values)
            changed += 1
    return changed


def scrubbed(code: str, what: Scrubbing) -> str:
    """Return ``code`` with a call of ``GetSecret`` for each such literal, and a mark for the same text elsewhere."""
    parts, end = [], 0
    for token, start, stop in located_tokens(code):
        if token.kind is Kind.STRING and (secret := what.secret_of.get(token.text)) is not None:
            parts += [code[end:start], f"GetSecret({dumps(secret)})"]
            end = stop
    clean = "".join([*parts, code[end:]])
    for value in what.secret_of:
        if len(value) >= _LEAST_ANYWHERE:
            clean = clean.replace(value, _MARK)
    return clean


def _literal(conn: Connection, script_id: str, moved: Moved) -> str:
    code = conn.execute(_CODE, {"id": script_id, "number": moved.version}).scalar()
    wanted = -1 if code is None else index_of(code, moved.start)
    for token, start, _ in located_tokens(code or ""):
        if start == wanted and token.kind is Kind.STRING and token.text:
            return token.text
    raise MovedLiteralError(field="moved")
