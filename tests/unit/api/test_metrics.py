"""Metrics: what is counted, and that nothing in them was typed by anybody."""

import pytest

from nightdrop.api.metrics import METRICS, MetricsApp
from nightdrop.core.config import Config, ConfigInvalidError
from nightdrop.worker.status import WorkerStatus, write_status
from vault import OWNER
from web import Web

NEEDLE = "needle-5b81d3"


@pytest.fixture
def web(tmp_path):
    made = Web(tmp_path)
    yield made
    made.close()


def test_runs_and_answers_are_counted_and_no_name_is_in_it(web, ask):
    here = web.new_site(f"{NEEDLE}-site")
    web.services.runs.enqueue(OWNER, here, code=f"GetSecret('{NEEDLE}')", name=NEEDLE)
    for path in (f"/api/v1/sites/{here}/secrets", f"/api/v1/sites/{here}/secrets?q={NEEDLE}", f"/{NEEDLE}"):
        web.ask("GET", path, listener="socket")
    web.ask("POST", f"/api/v1/sites/{here}/secrets", {"name": NEEDLE, "value": NEEDLE}, listener="socket")
    web.ask(NEEDLE.upper(), "/", listener="socket")
    answer = ask(MetricsApp(web.db, METRICS), "GET", "/metrics")
    lines = answer.body.decode().splitlines()
    assert answer.status == 200
    assert 'nightdrop_runs{state="queued"} 1.0' in lines
    assert "nightdrop_queue_length 1.0" in lines
    assert "nightdrop_database_up 1.0" in lines
    counted = [line for line in lines if 'route="/sites/{site}/secrets",status="200"' in line]
    assert counted, [line for line in lines if "_count{" in line]
    assert NEEDLE.lower() not in answer.body.decode().lower()
    assert here not in answer.body.decode()


def test_reads_of_secrets_are_what_the_workers_say(web, ask):
    status = {"pid": 1, "at_ms": web.clock.now_ms(), "sandbox": "full", "sandbox_lines": (), "permissive": False}
    write_status(web.db, WorkerStatus("w1", **status, secret_reads={"released": 7, "expired": 2}))
    write_status(web.db, WorkerStatus("w2", **status))
    lines = ask(MetricsApp(web.db, METRICS), "GET", "/metrics").body.decode().splitlines()
    assert "# TYPE nightdrop_secret_reads_total counter" in lines
    assert [line for line in lines if line.startswith("nightdrop_secret_reads")] == [
        'nightdrop_secret_reads_total{outcome="expired",worker="w1"} 2.0',
        'nightdrop_secret_reads_total{outcome="released",worker="w1"} 7.0',
    ]
    # It tells of all sites, so it is not for who may see one.
    shown = web.ask("GET", "/api/v1/status", listener="socket")
    assert [worker["home"] for worker in shown.json()["workers"]] == ["w1", "w2"]
    assert b"secret_reads" not in shown.body


def test_nothing_else_is_answered(web, ask):
    for method, path in (("GET", "/"), ("POST", "/metrics"), ("GET", "/api/v1/sites"), ("GET", f"/{NEEDLE}")):
        answer = ask(MetricsApp(web.db, METRICS), method, path)
        assert (answer.status, answer.body) == (404, b"")


def test_it_is_off_unless_an_address_is_given():
    assert Config().metrics == ""
    assert Config(metrics="127.0.0.1:9090").metrics == "127.0.0.1:9090"
    with pytest.raises((ConfigInvalidError, ValueError)):
        Config(metrics="9090")
