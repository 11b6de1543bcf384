"""A rotation with two workers: the one that does it is killed, and the other one ends it."""

import json
import signal
from collections.abc import Callable, Iterator

import psycopg
import pytest

from nightdrop.core.caller import host_owner
from nightdrop.core.clock import SystemClock
from nightdrop.crypto.sealing import seal_secret
from nightdrop.db.engine import Database
from nightdrop.secrets.store import SecretStore
from postgres_server import Place
from support import Installation, wait_until

OWNER = host_owner("test")
READ_ALL = "for (const name of Params.names.split(',')) { if (GetSecret(name) !== 'value of ' + name) throw name; }"
# More than one batch of a rotation.
COUNT = 150


def instance(installation: Installation) -> str:
    return str(json.loads((installation.home / "nightdrop.json").read_text())["instance"])


@pytest.fixture
def workers(
    installation: Installation, place: Place, homes: Callable[[str], Installation]
) -> Iterator[dict[str, Installation]]:
    """Workers of two homes that can open, by the instance of their home; the first home serves the web too."""
    second = homes("second")
    second.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
    node = second.ok("init", "--join", "--json").json["node"]
    second.environment.clear()
    installation.ok("key", "approve", node)
    first = Installation(installation.folder)
    installation.start("web")
    first.start("worker")
    second.start("worker")
    yield {instance(first): first, instance(second): second}
    first.stop()


def fill(place: Place, site: str) -> list[str]:
    names = [f"n{number}" for number in range(COUNT)]
    with Database.open(place.url) as database:
        secrets = SecretStore(database, SystemClock())
        for name in names:
            key = secrets.sealing_key(OWNER, site, name)
            sealed = seal_secret(
                key.public_key,
                site_id=site,
                epoch=key.epoch,
                name=name,
                revision=key.revision,
                value=f"value of {name}".encode(),
            )
            secrets.put(OWNER, site, name, sealed, key.revision, key.epoch)
    return names


def test_the_other_worker_ends_the_rotation_of_a_killed_one(
    workers: dict[str, Installation], installation: Installation, place: Place
) -> None:
    def ask(query: str) -> list[tuple[object, ...]]:
        return place.server.query(query, place.name)

    wait_until(lambda: installation.run("site", "show", "default").status == 0, "the web process serves")
    wait_until(lambda: ask("SELECT count(*) FROM site_keys") == [(1,)], "the site's key")
    names = fill(place, installation.ok("site", "show", "default", "--json").json["id"])
    # Else a worker that marks the last one would wait for the lock below, and rotate nothing meanwhile.
    wait_until(lambda: ask("SELECT DISTINCT health FROM secrets") == [("ok",)], "every secret is checked")
    with psycopg.connect(place.server.url(place.name).replace("+psycopg", "")) as holder:
        # The last secret of the pass: the batch that has it waits, with the keeper's new forms in the worker's hand.
        holder.execute("SELECT 1 FROM secrets WHERE id = (SELECT max(id) FROM secrets) FOR UPDATE")
        installation.ok("key", "rotate", "--no-wait")
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE secrets%'"
        )
        wait_until(lambda: ask("SELECT moved > 0 FROM rotations") == [(True,)] and ask(blocked) != [(0,)], "half-way")
        ((worker,),) = ask("SELECT split_part(worker_id, ':', 2) FROM rotations")
        workers[str(worker)].stop(signal.SIGKILL)
    ((moved, finished),) = ask("SELECT moved, finished_ms FROM rotations")
    assert 0 < moved < COUNT  # type: ignore[operator]
    assert finished is None
    # As if the lease of the killed one had run out; waiting for that would take a minute.
    wait_until(lambda: ask(blocked) == [(0,)], "its transaction is over")
    place.server.execute("UPDATE rotations SET lease_until_ms = 1", place.name)
    place.server.execute("SELECT pg_notify('nightdrop_runs', 'house')", place.name)
    wait_until(lambda: ask("SELECT finished_ms IS NOT NULL FROM rotations") == [(True,)], "the rotation ends")
    assert ask("SELECT moved, dropped FROM rotations") == [(COUNT, 0)]
    assert ask("SELECT DISTINCT epoch FROM secrets") == [(2,)]
    assert ask("SELECT DISTINCT epoch FROM nightdrop_keeper.site_seeds") == [(2,)]
    wait_until(lambda: ask("SELECT DISTINCT health FROM secrets") == [("ok",)], "the keeper opens what it sealed anew")
    read = installation.exec_js(READ_ALL, "--param", "names=" + ",".join(names))
    assert read.status == 0, read.err
    installation.ok("audit", "verify")
