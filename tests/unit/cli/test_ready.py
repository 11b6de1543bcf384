"""`up` is ready when its own two processes serve, and not when others do."""

import pytest

from nightdrop.cli.server import is_ready

OURS = {"web_pid": 7, "worker": {"pid": 8, "home": "one", "alive": True}}


def ready(status: dict) -> bool:
    return is_ready(status, web=7, worker=8, instance="one")


def test_both_processes_of_this_home() -> None:
    assert ready(OURS)


@pytest.mark.parametrize(
    "worker",
    [
        # On PostgreSQL: of another home, whose container has the same process ids.
        {"pid": 8, "home": "two", "alive": True},
        # The one that was here before.
        {"pid": 9, "home": "one", "alive": True},
        {"pid": 8, "home": "one", "alive": False},
        {"alive": False},
    ],
)
def test_another_worker_is_not_ours(worker: dict) -> None:
    assert not ready({**OURS, "worker": worker})


def test_another_web_process_is_not_ours() -> None:
    assert not ready({**OURS, "web_pid": 9})
    assert not ready({})
