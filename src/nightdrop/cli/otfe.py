"""``nightdrop otfe``: the encryption of files outside scripts. It needs no home and no server."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nightdrop.cli.context import Context, without_home
from nightdrop.cli.otfe_files import code_file, output, read_key_file, read_pieces, refuse_terminal
from nightdrop.cli.usage import TEXT, Group

if TYPE_CHECKING:
    from nightdrop.otfe.coder import Coder
    from nightdrop.otfe.keys import OtfeKey

# A person waits for a file of their own: as much as the age tool allows, 4 GiB.
_MAX_WORK_FACTOR = 22
_IN = click.argument("source", type=click.Path(path_type=Path), metavar="[IN]", required=False)
_OUTPUT = click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Where the file goes. Default: standard output.",
)
_FORCE = click.option("--force", is_flag=True, help="Replace a file that is there.")
_PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take the passphrase from a file; one line break at its end does not belong to it.",
)


@click.group("otfe", cls=Group)
def otfe_command() -> None:
    """Encrypt and decrypt files as scripts do, in the format of age.

    IN is a file, or standard input with - or without it; OUT as well. A file appears when it is whole, and not at all
    when something fails. What goes to standard output comes piece by piece: use it only when the exit status is 0.
    """


@otfe_command.command("keygen")
@_OUTPUT
@click.option(
    "--post-quantum", is_flag=True, help="Make a key for age 1.3 or newer that a quantum computer cannot open."
)
@_FORCE
@without_home
def make_key(context: Context, target: Path | None, post_quantum: bool, force: bool) -> None:
    """Make an identity: it decrypts, and its recipient (age1...) encrypts.

    The file has mode 0600. Keep a copy in a safe place: without the identity nobody can decrypt. To use it in scripts,
    store it as a secret.
    """
    from nightdrop.otfe import hybrid, x25519
    from nightdrop.otfe.keys import parse_identity

    identity = hybrid.generate() if post_quantum else x25519.generate()
    recipient = str(parse_identity(identity).recipient)
    path = _path(target)
    if path is None:
        made = _key_file(identity, recipient)
        context.show({"identity": identity, "recipient": recipient}, made.removesuffix("\n"))
        return
    with output(path, mode=0o600, force=force) as write:
        write(memoryview(_key_file(identity, recipient).encode()))
    context.show({"file": str(path), "recipient": recipient}, f"Recipient: {recipient}")


@otfe_command.command("encrypt")
@_IN
@click.option(
    "--recipient", "recipients", type=TEXT, multiple=True, metavar="R", help="Encrypt to age1...; repeatable."
)
@_PASSPHRASE
@_OUTPUT
@_FORCE
@without_home
def encrypt_file(
    context: Context,
    source: Path | None,
    recipients: tuple[str, ...],
    passphrase_file: Path | None,
    target: Path | None,
    force: bool,
) -> None:
    """Encrypt a file to recipients, or with a passphrase from a file."""
    from nightdrop.otfe.keys import recipients_key

    _one_of(recipients, passphrase_file, "--recipient")
    key = _passphrase(passphrase_file) if passphrase_file is not None else recipients_key(recipients)
    _code(context, key.encryptor(), source, target, force=force)


@otfe_command.command("decrypt")
@_IN
@click.option(
    "--identity",
    "identity_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A file with identities (AGE-SECRET-KEY-...); repeatable.",
)
@_PASSPHRASE
@_OUTPUT
@_FORCE
@without_home
def decrypt_file(
    context: Context,
    source: Path | None,
    identity_files: tuple[Path, ...],
    passphrase_file: Path | None,
    target: Path | None,
    force: bool,
) -> None:
    """Decrypt a file with an identity, or with a passphrase, from a file.

    What comes out is authentic, and whole when the exit status is 0.
    """
    from nightdrop.otfe.decrypt import Decryptor
    from nightdrop.otfe.keys import identities_key

    _one_of(identity_files, passphrase_file, "--identity")
    keys = [identities_key(read_key_file(path)) for path in identity_files]
    if passphrase_file is not None:
        keys = [_passphrase(passphrase_file)]
    decryptor = Decryptor([identity for key in keys for identity in key.identities])
    _code(context, decryptor, source, target, force=force)


@otfe_command.command("inspect")
@_IN
@without_home
def inspect_file(context: Context, source: Path | None) -> None:
    """Show what an encrypted file says of itself, without any key: nothing of it is checked."""
    from nightdrop.otfe.inspection import Inspector

    inspector = Inspector()
    for piece in read_pieces(_path(source)):
        inspector.update(piece)
    found = inspector.finish()
    kinds = [f"{kind[:40]} x {found.recipients.count(kind)}" for kind in dict.fromkeys(found.recipients)]
    lines = [
        "format        age-encryption.org/v1",
        f"recipients    {', '.join(kinds)}",
        f"post-quantum  {'yes' if found.post_quantum else 'no'}",
        f"header        {found.header_bytes} bytes",
        f"encrypted     {found.encrypted_bytes} bytes",
        f"content       {'- (the file is cut off)' if found.content_bytes is None else f'{found.content_bytes} bytes'}",
    ]
    if found.work_factor is not None:
        lines.insert(2, f"work factor   {found.work_factor}")
    context.show({"format": "age-encryption.org/v1", **asdict(found)}, "\n".join(lines))


def _code(context: Context, coder: "Coder", source: Path | None, target: Path | None, *, force: bool) -> None:
    path = _path(target)
    if context.as_json and path is None:
        raise click.UsageError("--json needs -o OUT: standard output carries the file.", click.get_current_context())
    refuse_terminal(path, meant=target is not None)
    with output(path, force=force) as write:
        counts = code_file(coder, _path(source), write)
    if path is not None:
        context.show({"file": str(path), **counts})


def _one_of(several: tuple[Any, ...], passphrase_file: Path | None, option: str) -> None:
    if bool(several) == (passphrase_file is not None):
        message = f"Give either {option} or --passphrase-file."
        raise click.UsageError(message, click.get_current_context())


def _passphrase(path: Path) -> "OtfeKey":
    from nightdrop.otfe.keys import passphrase_key

    return passphrase_key(read_key_file(path), max_work_factor=_MAX_WORK_FACTOR)


def _path(given: Path | None) -> Path | None:
    """Return a path, or None for standard input and output."""
    return None if given is None or str(given) == "-" else given


def _key_file(identity: str, recipient: str) -> str:
    created = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return f"# created: {created}\n# public key: {recipient}\n{identity}\n"
