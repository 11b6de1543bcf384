"""What every command shares: home, site, output form."""

import functools
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client, part
from nightdrop.cli.errors import OUTPUT_ERRORS, SiteMissingError, UnexpectedError, fail
from nightdrop.cli.plain import plain
from nightdrop.cli.table import print_table
from nightdrop.cli.usage import TEXT
from nightdrop.core.errors import NightdropError
from nightdrop.core.home import MARKER, Home, default_root, open_home, user_config_dir

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Home directory. Default: $NIGHTDROP_HOME, else ./var if it is a home, else ~/.local/share/nightdrop.",
)
_SITE = click.option("--site", type=TEXT, default="default", show_default=True, metavar="NAME", help="Virtual site.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@dataclass(slots=True)
class Context:
    """Options that every command takes."""

    root: Path
    site: str
    as_json: bool
    home_given: bool = False

    @property
    def home(self) -> Home:
        return open_home(self.root)

    def client(self) -> Client:
        """Return a client for the server of this home, or for the one that the user is signed in at."""
        if not self.home_given and (os.environ.get("NIGHTDROP_URL") or (user_config_dir() / "login.json").exists()):
            from nightdrop.cli.remote import RemoteClient, wanted_login

            # A home that was chosen, be it by the directory one is in, comes before a login.
            chosen = bool(os.environ.get("NIGHTDROP_HOME")) or (Path("var") / MARKER).exists()
            login = wanted_login(home_chosen=chosen)
            if login is not None:
                return RemoteClient(login)
        return Client(self.home.admin_socket)

    @property
    def site_path(self) -> str:
        return site_path(self.site)

    def show(self, value: Any, text: str | None = None) -> None:
        """Print ``value`` as JSON with ``--json``, else ``text``."""
        if self.as_json:
            click.echo(json.dumps(value, ensure_ascii=False))
        elif text is not None:
            click.echo(plain(text))

    def table(
        self,
        rows: Sequence[dict[str, Any]],
        columns: Sequence[tuple[str, str]],
        empty: str,
        shown: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        """Print rows under headings, or as JSON.

        Args:
            rows: what ``--json`` prints.
            columns: (key, heading) for people.
            empty: the sentence for no rows.
            shown: turns a row into what people see of it.
        """
        if self.as_json:
            click.echo(json.dumps(list(rows), ensure_ascii=False))
        elif not rows:
            click.echo(empty)
        else:
            print_table(map(shown, rows), columns)


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--home`` and ``--json``, a Context first, and errors as plain sentences."""
    return _HOME(without_home(function))


def without_home(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what ``common`` gives, but for ``--home``: it has nothing to do with any."""

    @_JSON
    @functools.wraps(function)
    def command(as_json: bool, home: Path | None = None, site: str = "default", **options: Any) -> None:
        root = (home or default_root()).absolute()
        context = Context(root=root, site=site, as_json=as_json, home_given=home is not None)
        run_guarded(lambda: function(context, **options), as_json=as_json)

    return command


def of_site(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--site`` and everything that ``common`` gives."""
    return _SITE(common(function))


def run_guarded(action: Callable[[], None], *, as_json: bool) -> None:
    """Run ``action``; an error becomes a sentence, a hint and exit status 1."""
    try:
        action()
    except NightdropError as error:
        fail(error, as_json=as_json)
    except (click.ClickException, click.exceptions.Exit, click.Abort, EOFError):
        raise
    except OSError as error:
        if error.errno not in OUTPUT_ERRORS:
            fail(UnexpectedError(error), as_json=as_json)
        raise
    except Exception as error:  # noqa: BLE001 - a defect of ours: its text is not printed, it may hold a value
        fail(UnexpectedError(error), as_json=as_json)


def site_path(site: str) -> str:
    """Return the address of a site.

    Raises:
        SiteMissingError: no site can have this name, and as part of an address it would mean something else.
    """
    if not site or "/" in site or site in {".", ".."}:
        raise SiteMissingError
    return f"/sites/{part(site)}"


def pages(fetch: Callable[[str | None], dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Walk every item of a paged list."""
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        yield from page["items"]
        cursor = page.get("next")
        if not cursor:
            return


def all_sites(client: Client) -> list[dict[str, Any]]:
    """Return every site that the caller may see."""
    return list(pages(lambda cursor: client.get("/sites", cursor=cursor, limit=500)))


def when(ms: int | None) -> str:
    """Return a time for people, in local time."""
    if not ms:
        return "-"
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
