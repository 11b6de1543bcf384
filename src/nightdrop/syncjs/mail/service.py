"""Sends the mail of a run. No call raises: what goes wrong is a line in the run's log."""

import ssl
from collections.abc import Callable, Iterator, Mapping

from nightdrop.syncjs.mail.compose import Attachment, compose
from nightdrop.syncjs.mail.draft import Draft, MailError, MailSettings, read_draft
from nightdrop.syncjs.mail.smtp import MailLimits, Smtp
from nightdrop.syncjs.remotes.local import LocalFileError, LocalFiles
from nightdrop.syncjs.remotes.names import base, is_wild, matches, split_mask
from nightdrop.syncjs.remotes.port import Dial, ItemKind, RemoteError
from nightdrop.syncjs.remotes.progress import Log

MAX_ATTACHMENTS = 100
MAX_ATTACHED_BYTES = 25 * 1024 * 1024


class MailService:
    """Sends messages by the server of a site.

    Args:
        settings: the site's.
        dial: gives connected sockets.
        files: the run's local files.
        log: takes level and text of a log line, unmasked.
        secret: returns the value of a secret of the site, ``""`` when there is none.
        context: returns a TLS context that verifies.
        limits: how long servers are waited for.
    """

    def __init__(
        self,
        settings: MailSettings,
        dial: Dial,
        files: LocalFiles,
        log: Log,
        secret: Callable[[str], str],
        *,
        context: Callable[[], ssl.SSLContext],
        limits: MailLimits | None = None,
    ) -> None:
        self._settings, self._dial, self._files, self._log, self._secret = settings, dial, files, log, secret
        self._context, self._limits = context, limits or MailLimits()

    def send(self, message: Mapping[str, object]) -> bool:
        """Send a message; True when the server has accepted it for every recipient."""
        try:
            return self._send(message)
        except (MailError, LocalFileError) as exc:
            self._log("error", f"mail: {exc}")
        except Exception as exc:  # noqa: BLE001 - a script goes on, whatever a server makes a library do
            self._log("error", f"mail: failed inside the client ({type(exc).__name__})")
        return False

    def _send(self, message: Mapping[str, object]) -> bool:
        if not self._settings.host:
            raise MailError("the site has no mail server; an admin sets smtp_host")
        draft = read_draft(message, self._settings.sender)
        ident, content = compose(draft, self._attachments(draft))
        password = self._password()
        smtp = Smtp(self._settings, self._dial, self._context, self._limits)
        try:
            smtp.open(password)
            refused = smtp.deliver(draft.sender.address, draft.recipients, content)
        finally:
            smtp.end()
        for who, why in refused.items():
            self._log("error", f"mail: {who} was refused: {why}")
        accepted = len(draft.recipients) - len(refused)
        self._log("info", f"mail: {self._settings.host} accepted {ident} for {accepted} of {len(draft.recipients)}")
        return not refused

    def _password(self) -> str:
        if not self._settings.user:
            return ""
        name = self._settings.password_secret
        if not name:
            raise MailError("the site has smtp_user, but no smtp_password_secret")
        if value := self._secret(name).rstrip("\r\n"):
            return value
        raise MailError(f"there is no value for the secret {name!r}")

    def _attachments(self, draft: Draft) -> list[Attachment]:
        paths = [path for mask in draft.masks for path in self._matching(mask)] + draft.paths
        if len(paths) > MAX_ATTACHMENTS:
            raise MailError(f"a message may have {MAX_ATTACHMENTS} attachments")
        return list(self._read_all(paths))

    def _matching(self, mask: str) -> list[str]:
        try:
            folder, pattern = split_mask(mask)
        except RemoteError as exc:
            raise MailError(f"attachment {mask[:200]!r}: {exc.reason}") from None
        if not is_wild(pattern):
            return [mask]
        try:
            items = list(self._files.list_dir(folder))
        except LocalFileError as exc:
            raise MailError(f"attachment {mask[:200]!r}: {exc}") from None
        found = [item.path for item in items if item.kind is ItemKind.FILE and matches(item.name, pattern)]
        if not found:
            raise MailError(f"attachment {mask[:200]!r}: there is no such file")
        return found

    def _read_all(self, paths: list[str]) -> Iterator[Attachment]:
        left = MAX_ATTACHED_BYTES
        for path in paths:
            content = self._read(path, left)
            left -= len(content)
            yield Attachment(base(path), content)

    def _read(self, path: str, most: int) -> bytes:
        content = bytearray()
        try:
            with self._files.open_read(path) as file:
                while piece := file.read(min(most + 1 - len(content), 1024 * 1024)):
                    content += piece
                    if len(content) > most:
                        raise MailError(f"the attachments are larger than {MAX_ATTACHED_BYTES // 2**20} MiB")
        except LocalFileError as exc:
            raise MailError(f"attachment {path[:200]!r}: {exc}") from None
        except OSError:
            raise MailError(f"attachment {path[:200]!r}: it cannot be read") from None
        return bytes(content)
