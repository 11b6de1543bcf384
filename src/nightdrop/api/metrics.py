"""Metrics for Prometheus. Labels are patterns of routes, methods, statuses and states: nothing that people name."""

import json
import threading
from collections.abc import Sequence

from anyio.to_thread import run_sync
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.runs.model import RunState

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_RUNS = text("SELECT state, count(*) FROM runs GROUP BY state")
# What the workers say of themselves: the web process reads no log of the keeper's.
_WORKERS = text("SELECT value FROM meta WHERE key >= 'worker_status/' AND key < 'worker_status/~' ORDER BY key")
_MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What this web process counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "nightdrop_request_seconds",
            "Time from a request to the end of its answer.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=_BUCKETS,
        )

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is a pattern, never what somebody typed."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route or "other", str(status)).observe(seconds)


class _Stored:
    """Reads runs and what workers say when it is asked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> list[Metric]:
        up = GaugeMetricFamily("nightdrop_database_up", "Whether the database can be read.")
        runs = GaugeMetricFamily("nightdrop_runs", "Runs that are kept, by state.", labels=["state"])
        queue = GaugeMetricFamily("nightdrop_queue_length", "Runs that wait.")
        try:
            with self._db.read() as connection:
                said = connection.execute(_WORKERS).scalars().all()
                counts = {state: number for state, number in connection.execute(_RUNS)}  # noqa: C416 - rows are no pairs
        except NightdropError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        for state in RunState:
            runs.add_metric([state.value], counts.get(state.value, 0))
        queue.add_metric([], counts.get(RunState.QUEUED.value, 0))
        return [up, runs, queue, _reads(said)]


def _reads(said: Sequence[str]) -> CounterMetricFamily:
    reads = CounterMetricFamily(
        "nightdrop_secret_reads",
        "Answers of a worker's keeper to GetSecret and RequireSecret since it began, by outcome.",
        labels=["worker", "outcome"],
    )
    for status in map(json.loads, said):
        for outcome, number in status.get("secret_reads", {}).items():
            reads.add_metric([status["home"], outcome], number)
    return reads


class MetricsApp:
    """Answers ``GET /metrics``, and nothing else."""

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._metrics = metrics
        self._stored = CollectorRegistry()
        self._stored.register(_Stored(db))
        self._turn = threading.Lock()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        found = scope["method"] == "GET" and scope["path"] == "/metrics"
        body = await run_sync(self._text) if found else b""
        headers = [
            (b"content-type", _MEDIA_TYPE),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _text(self) -> bytes:
        with self._turn:
            return generate_latest(self._metrics.registry) + generate_latest(self._stored)


METRICS = Metrics()
