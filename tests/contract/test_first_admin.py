"""There is one first admin, whoever comes at the same moment, with whatever links."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from accounts import HERE, PASSWORD, Accounts
from nightdrop.access.admins import SetUpAlreadyError
from nightdrop.access.setup_links import SetupLinkInvalidError, new_setup_link
from nightdrop.db.engine import Database
from nightdrop.db.tables import setup_links
from support import wait_until
from vault import OWNER

WAITING = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def two_links(db, clock):
    """Links for the first admin that are both valid, as two servers could once make them."""
    with db.write() as connection:
        first = new_setup_link(connection, clock.now_ms(), None).token
        kept = connection.execute(setup_links.select()).mappings().one()
        second = new_setup_link(connection, clock.now_ms(), None).token
        connection.execute(setup_links.insert(), dict(kept))
    return first, second


def held(db, threads, waiting):
    """Hold everybody up where the links are used; wait until all stand there or at a lock before it."""
    with db.write() as connection:
        if not db.is_sqlite:
            connection.execute(text("SELECT 1 FROM setup_links FOR UPDATE"))
        started = [threads.submit(*each) for each in waiting]
        if not db.is_sqlite:
            with db.read() as watcher:
                wait_until(lambda: watcher.execute(WAITING).scalar() == len(waiting), "all wait for a lock")
    return [each.exception(60) for each in started]


def test_of_two_links_that_are_used_at_once_one_makes_an_admin(db, db_url, accounts, two_links):
    def attempt(token, name):
        # A connection of its own, as another server has.
        with Database.open(db_url) as other:
            Accounts(other, accounts.clock).sign_in.set_up(token, name, PASSWORD, HERE)

    with ThreadPoolExecutor(2) as threads:
        errors = held(db, threads, [(attempt, two_links[0], "ann"), (attempt, two_links[1], "ben")])
    assert sorted(type(error) for error in errors if error is not None) == [SetupLinkInvalidError]
    assert len(accounts.admins.list(OWNER).items) == 1


def test_a_link_and_the_host_at_once_make_no_second_first_admin(db, db_url, accounts):
    link = accounts.admins.first_setup_link(OWNER)

    def attempt():
        with Database.open(db_url) as other:
            Accounts(other, accounts.clock).sign_in.set_up(link.token, "ann", PASSWORD, HERE)

    with ThreadPoolExecutor(1) as threads, db.write() as connection:
        connection.execute(text("INSERT INTO admins (id, name, created_ms) VALUES ('adm_1', 'ben', 1)"))
        started = threads.submit(attempt)
        if not db.is_sqlite:
            with db.read() as watcher:
                wait_until(lambda: watcher.execute(WAITING).scalar() == 1, "it waits for a lock")
        connection.commit()
        assert isinstance(started.exception(60), SetupLinkInvalidError)
    assert [admin.name for admin in accounts.admins.list(OWNER).items] == ["ben"]


def test_of_two_links_that_are_made_at_once_the_later_one_works(db, db_url, accounts):
    def make(_):
        with Database.open(db_url) as other:
            return Accounts(other, accounts.clock).admins.first_setup_link(OWNER).token

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(4)))
    with db.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM setup_links")).scalar() == 1
    working = []
    for token in made:
        try:
            accounts.sign_in.invitation(token)
            working.append(token)
        except SetupLinkInvalidError:
            pass
    assert len(working) == 1
    accounts.sign_in.set_up(working[0], "ann", PASSWORD, HERE)
    with pytest.raises(SetUpAlreadyError):
        accounts.admins.first_setup_link(OWNER)
