"""Several at the same instant: exactly one wins, and nothing is half done."""

import base64
import json
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text

from nightdrop.audit.log import verify_log
from nightdrop.core.errors import NightdropError
from nightdrop.secrets.store import RevisionConflictError, SecretExistsError, SecretStore
from vault import OWNER, seal

_THREADS = 8

_PROCESS = """
import base64, json, sys
from nightdrop.core.caller import host_owner
from nightdrop.core.clock import SystemClock
from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.secrets.store import SecretStore
url, site, names, create = json.loads(sys.argv[1])
sealed = base64.b64decode(sys.stdin.readline())
store = SecretStore(Database.open(url), SystemClock())
print("ready", flush=True)
sys.stdin.readline()
for name in names:
    try:
        store.put(host_owner(sys.argv[2]), site, name, sealed, 1, 1, create=create)
        print("won", flush=True)
    except NightdropError as error:
        print(error.code, flush=True)
"""


def at_once(calls):
    """Run each in a thread of its own, let go together; return results or errors."""
    barrier = threading.Barrier(len(calls))
    results = [None] * len(calls)

    def run(number, call):
        barrier.wait()
        try:
            results[number] = call()
        except NightdropError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.parametrize(("create", "error"), [(True, SecretExistsError), (None, RevisionConflictError)])
def test_one_thread_creates_a_name(vault, create, error):
    key = vault.key("a")
    sealed = [seal(key, "a", str(number).encode()) for number in range(_THREADS)]

    def put(one):
        return vault.secrets.put(OWNER, vault.site.id, "a", one, key.revision, key.epoch, create=create)

    results = at_once([lambda one=one: put(one) for one in sealed])
    losers = [result for result in results if isinstance(result, NightdropError)]
    assert len(losers) == _THREADS - 1
    assert {type(loser) for loser in losers} == {error}
    winner = next(number for number, result in enumerate(results) if not isinstance(result, NightdropError))
    with vault.db.read() as connection:
        assert bytes(connection.execute(text("SELECT sealed FROM secrets")).scalar_one()) == sealed[winner]
        assert verify_log(connection).ok


def test_one_process_creates_a_name(vault, db_url):
    names = [f"n{number}" for number in range(12)]
    arguments = json.dumps([db_url, vault.site.id, names, True])
    sealed = base64.b64encode(seal(vault.key(), "any")).decode()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, arguments, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for who in ("first", "second")
    ]
    for racer in racers:
        racer.stdin.write(sealed + "\n")
        racer.stdin.flush()
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 2
    outcomes = []
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    for racer in racers:
        with racer:
            outcomes.append(racer.communicate(timeout=60)[0].split())
    assert [sorted(pair) for pair in zip(*outcomes, strict=True)] == [["secret_exists", "won"]] * len(names)
    assert len(vault.names()) == len(names)
    with vault.db.read() as connection:
        result = verify_log(connection)
    assert result.ok
    assert result.entries == 2 + len(names)


def test_delete_against_update(vault):
    for _ in range(6):
        vault.put("a")
        key = vault.key("a")
        sealed = seal(key, "a")
        results = at_once(
            [
                lambda: vault.secrets.delete(OWNER, vault.site.id, "a"),
                lambda key=key, sealed=sealed: vault.secrets.put(
                    OWNER, vault.site.id, "a", sealed, key.revision, key.epoch, create=False
                ),
            ]
        )
        assert not isinstance(results[0], NightdropError)
        assert vault.names() == []
        # Whichever came first, the next one made under the name has a higher revision than both.
        assert vault.key("a").revision > results[0].revision


def test_many_writers_of_different_names_and_readers(vault):
    def write(number):
        store = SecretStore(vault.db, vault.clock)
        for turn in range(3):
            vault.put(f"n{number}", str(turn).encode())
            store.mark_used([(vault.site.id, f"n{number}", turn + 1)])
            assert len(store.list(OWNER, vault.site.id, search="n").items) >= 1
        return True

    assert at_once([lambda number=number: write(number) for number in range(6)]) == [True] * 6
    assert {item.revision for item in vault.secrets.list(OWNER, vault.site.id).items} == {3}
    with vault.db.read() as connection:
        assert verify_log(connection).ok
