"""The worker: claims runs, supervises keeper, broker and zygotes, and holds no key."""

import argparse
import asyncio
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import structlog

from nightdrop.access.sites import SiteStore
from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import SystemClock
from nightdrop.core.config import Config, load_config
from nightdrop.core.errors import NightdropError, UnavailableError
from nightdrop.core.home import Home, open_home
from nightdrop.core.logging import configure_logging
from nightdrop.core.site_paths import split_entry
from nightdrop.core.wire import ChannelClosedError, Frame, channel_pair
from nightdrop.db.clock import check_clock
from nightdrop.db.engine import Database
from nightdrop.db.migrate import require_head
from nightdrop.db.notify import keep_listening
from nightdrop.db.postgres import conninfo
from nightdrop.keys import keeper_config
from nightdrop.runs.bell import Bell, BellListener
from nightdrop.runs.model import ClaimedRun
from nightdrop.runs.queue import RunQueue
from nightdrop.runs.retention import Retention
from nightdrop.sandbox import process
from nightdrop.sandbox.places import Places
from nightdrop.sandbox.probe import SandboxLevel, probe
from nightdrop.secrets.reseal import Resealing
from nightdrop.secrets.store import SecretStore
from nightdrop.triggers.folders import Folders
from nightdrop.triggers.followers import Followers
from nightdrop.triggers.schedules import Schedules
from nightdrop.worker.aio import Requests
from nightdrop.worker.checkpoints import Checkpoints
from nightdrop.worker.children import Child
from nightdrop.worker.couriers import Couriers
from nightdrop.worker.dispatch import Dispatcher
from nightdrop.worker.leftovers import Leftovers
from nightdrop.worker.live_run import LiveRun
from nightdrop.worker.marks import Marks
from nightdrop.worker.pairs import ROLES, PairPool, Role
from nightdrop.worker.rotation import Rotator, published_key, sealed_form
from nightdrop.worker.scheduler import Scheduler
from nightdrop.worker.status import WorkerStatus, write_status
from nightdrop.worker.watching import FolderWatch

log = structlog.get_logger()

_CHECK_BATCH = 200
_PRUNE_PAUSE_S = 600.0
_STATUS_S = 15.0
_STOP_GRACE_S = 10.0
_LAST_CHECKPOINT_S = 3.0
_UNOPENABLE = {"undecryptable", "rollback"}


class WorkerRunningError(UnavailableError):
    """Another worker is running on this home."""

    code = "worker_running"
    hint = "Stop it first: one worker serves one home. On PostgreSQL another host, or another home, can have one too."


class Worker:
    """One worker process with its children."""

    def __init__(self, home: Home, config: Config, level: SandboxLevel) -> None:
        clock = SystemClock()
        self._home = home
        self._config = config
        self._level = level
        self._places = Places.of(home, config)
        self._db = Database.open(config.database_url(home))
        require_head(self._db)
        check_clock(self._db)
        self._secrets = SecretStore(self._db, clock)
        self._sites = SiteStore(self._db, clock)
        self._queue = RunQueue(self._db, clock, ended=Followers(clock).ended)
        self._bell = Bell(home.run_dir / "wake")
        self._requests = Requests()
        self._marks = Marks(self._secrets)
        self._keeper_status: dict[str, Any] = {}
        self._leftovers = Leftovers(clock, self._written_to)
        self._retention = Retention(self._db, clock)
        self._next_prune = 0.0
        self._house = asyncio.Event()
        self._recheck = False
        self._stopping = False
        self._make_children()

    def _make_children(self) -> None:
        config, home = self._config, self._home
        keeper_arguments = ["--home", str(home.root), "--node-key", str(config.node_key_path(home))]
        self._keeper = Child(
            "keeper",
            "nightdrop.worker.keeper",
            keeper_arguments,
            on_message=self._keeper_message,
            on_start=self._keeper_started,
            on_gone=self._requests.fail_all,
            environment=self._keeper_environment(),
        )
        self._broker = Child(
            "broker",
            "nightdrop.worker.broker",
            [],
            on_message=_ignore,
            on_start=lambda: self._dispatcher.pairs_ready(),
        )
        self._courier_zygote = Child(
            "courier zygote",
            "nightdrop.worker.zygote",
            self._zygote_arguments("courier"),
            on_message=lambda frame: self._couriers.message(frame),
            on_start=lambda: self._couriers.zygote_started(),
        )
        self._couriers = Couriers(self._courier_zygote, self._broker)
        self._zygotes: dict[Role, Child] = {role: self._make_zygote(role) for role in ROLES}
        self._pool = PairPool(self._zygotes, config.pool, lambda: self._dispatcher.pairs_ready())

    def _zygote_arguments(self, role: str) -> list[str]:
        files = [] if role == "runner" else ["--files", str(self._home.root / "sites")]
        permissive = ["--permissive"] if self._config.sandbox == "permissive" else []
        return ["--role", role, *files, *permissive]

    def _make_zygote(self, role: Role) -> Child:
        return Child(
            f"{role} zygote",
            "nightdrop.worker.zygote",
            self._zygote_arguments(role),
            on_message=lambda frame: self._pool.message(role, frame),
            on_start=lambda: self._pool.refill(),
            on_gone=lambda: self._pool.zygote_gone(),
        )

    def _keeper_environment(self) -> dict[str, str]:
        where = {} if self._db.is_sqlite else {"NIGHTDROP_DATABASE": conninfo(self._db.url)}
        own = os.environ.get(keeper_config.VARIABLE)
        return {**where, keeper_config.VARIABLE: own} if own else where

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        worker_id = f"{socket.gethostname()}:{self._home.instance}:{os.getpid()}:{time.time_ns()}"
        resealing = Resealing(self._db, SystemClock(), worker_id)
        chain = self._home.instance if keeper_config.keeper_database(self._home) is not None else ""
        self._checkpoints = Checkpoints(self._db, self._ask_keeper, chain)
        self._rotator = Rotator(
            resealing, self._sites, self._ask_keeper, ring_web=self._ring_web, check=self._house.set
        )
        refusal = None if self._may_run else "this host cannot confine scripts: see nightdrop doctor"
        self._dispatcher = Dispatcher(
            self._queue,
            self._pool,
            worker_id=worker_id,
            concurrency=self._config.concurrency,
            start_run=self._start_run,
            end_run=self._end_run,
            open_courier=self._open_courier,
            notify=self._ring_web,
            may_start=lambda: self._keeper.channel is not None and self._broker.channel is not None,
            paths=self._paths,
            refusal=refusal,
        )
        # On PostgreSQL there may be a worker that can open secrets; this one has to say first that it can.
        self._dispatcher.held = not self._db.is_sqlite
        lost = self._queue.lose_worker(f"{socket.gethostname()}:{self._home.instance}:")
        if lost:
            log.warning("runs_lost", count=len(lost))
        self._keeper.start()
        self._broker.start()
        if self._may_run:
            for zygote in self._zygotes.values():
                zygote.start()
        loop.set_exception_handler(_loop_failed)
        scheduler = Scheduler(Schedules(self._db, SystemClock()), SystemClock(), self._dispatcher.rung)
        # Runs ring often, and keeping house costs a transaction: so they have different bells.
        watch = FolderWatch(
            Folders(self._db, SystemClock()), self._site_files, self._places.problem, self._dispatcher.rung
        )

        def triggers_changed() -> None:
            scheduler.rang()
            watch.rang()

        rung = {"worker": self._dispatcher.rung, "house": self._house.set, "triggers": triggers_changed}
        listeners = [self._listen(role, called) for role, called in rung.items()]
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        tasks = [loop.create_task(one) for one in (self._keep_house(), scheduler.run(), watch.run())]
        if not self._db.is_sqlite:
            # Web processes on other hosts ring through the database.
            tasks.append(loop.create_task(keep_listening(self._db.url, rung)))
        log.info("worker_ready", sandbox=self._level.level, pid=os.getpid())
        try:
            await self._dispatcher.run()
        finally:
            for task in tasks:
                task.cancel()
            self._rotator.close()
            for listener in listeners:
                listener.close()
            self._pool.close()
            await self._sign_last()
            await asyncio.gather(*(child.stop() for child in self._children))
            self._db.close()

    @property
    def _children(self) -> list[Child]:
        return [self._courier_zygote, *self._zygotes.values(), self._broker, self._keeper]

    @property
    def _may_run(self) -> bool:
        return self._level.ok_to_run or self._config.sandbox == "permissive"

    def _stop(self) -> None:
        log.info("worker_stopping", live=self._dispatcher.live)
        self._stopping = True
        self._dispatcher.stop("the worker was stopped", _STOP_GRACE_S)

    def _ring_web(self) -> None:
        self._bell.ring("web")

    def _listen(self, role: str, rung: Callable[[], None]) -> BellListener:
        listener = self._bell.listen(role)

        def hear() -> None:
            listener.drain()
            rung()

        asyncio.get_running_loop().add_reader(listener.fileno(), hear)
        return listener

    def _start_run(self, live: LiveRun) -> None:
        run = live.run
        script = None
        if run.script_id is not None:
            script = {"id": run.script_id, "name": run.script_name, "version": run.version}
        keeper_end, keeper_gateway = channel_pair()
        broker_end, broker_gateway = channel_pair()
        with keeper_end, keeper_gateway, broker_end, broker_gateway:
            about = {"op": "open_run", "run": run.id, "site": run.site_id, "id": 0}
            self._keeper.send({**about, "script": script}, [keeper_end.fileno()])
            egress = {"allow": list(run.settings.egress_allow), "deny": list(run.settings.egress_deny)}
            self._broker.send({**about, "egress": egress}, [broker_end.fileno()])
            files = self._site_files(run.site_id)
            live.start([keeper_gateway.fileno(), broker_gateway.fileno()], str(files), self._judged(run))

    def _open_courier(self, live: LiveRun) -> None:
        self._couriers.open(live, self._site_files(live.run.site_id), self._judged(live.run))

    def _judged(self, run: ClaimedRun) -> list[tuple[str, str | None]]:
        # The web process writes the settings: they need not be what it would accept.
        entries = run.settings.paths if isinstance(run.settings.paths, tuple) else ()
        return [(entry, self._places.problem(entry)) for entry in entries if isinstance(entry, str)]

    def _paths(self, run: ClaimedRun) -> tuple[str, ...]:
        return tuple(entry for entry, problem in self._judged(run) if problem is None)

    def _written_to(self) -> list[Path]:
        """Return the directories that scripts of any site may write to."""
        entries = {entry for site in self._sites.list(SYSTEM) for entry in site.settings.paths}
        good = [split_entry(entry) for entry in sorted(entries) if self._places.problem(entry) is None]
        given = [Path(path) for path, access in good if access == "rw"]
        return [*(self._home.root / "sites").glob("*/files"), *given]

    def _site_files(self, site_id: str) -> Path:
        files = self._home.site_files(site_id)
        files.mkdir(mode=0o700, parents=True, exist_ok=True)
        return files

    def _end_run(self, live: LiveRun) -> None:
        closing = {"id": 0, "op": "close_run", "run": live.run.id}
        self._keeper.send(closing)
        self._broker.send(closing)
        self._couriers.close(live.run.id)

    def _keeper_started(self) -> None:
        # It may have a key now that it lacked, or a row may have been put right: what did not open is tried again.
        self._recheck = True
        self._checkpoints.hurry()
        self._house.set()
        self._dispatcher.pairs_ready()

    def _keeper_message(self, frame: Frame) -> None:
        message = frame.json()
        match message.get("event"):
            case None:
                self._requests.answer(message)
            case "used":
                self._dispatcher.secret_used(message["run"], message["name"])
                self._marks.used(message["site"], message["name"], int(message["at_ms"]))
            case "checkpoint_due":
                self._checkpoints.hurry()
            case "refused" if message["class"] in _UNOPENABLE:
                self._marks.unopenable(message["site"], message["name"], message["class"])
                self._house.set()

    async def _keep_house(self) -> None:
        """Publish site keys, check new secrets, note uses, say how we are; the queue never waits for this."""
        while True:
            try:
                await self._look_at_keeper()
                await self._make_site_keys()
                await self._check_secrets()
                if not self._dispatcher.held:
                    await self._rotator.look()
                await self._say_how_we_are()
                await self._checkpoints.look()
                await self._leftovers.look()
                await self._prune()
            except ChannelClosedError:
                log.warning("keeper_not_answering")
            except NightdropError as error:
                log.error("housekeeping_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - a row that somebody spoiled must not end this for all others
                log.error("housekeeping_failed", exception=type(error).__name__)
            await self._write_marks()
            try:
                await asyncio.wait_for(self._house.wait(), 1.0 if self._marks.fresh else _STATUS_S)
            except TimeoutError:
                continue
            finally:
                self._house.clear()

    async def _make_site_keys(self) -> None:
        for site_id in await asyncio.to_thread(self._sites.sites_without_key):
            answer = await self._ask_keeper({"op": "create_site_key", "site": site_id})
            if not answer.get("ok"):
                log.error("site_key_failed", site=site_id, code=answer.get("code"))
                continue
            await asyncio.to_thread(self._sites.publish_site_key, site_id, published_key(answer))
            self._bell.ring("web")

    async def _prune(self) -> None:
        now = time.monotonic()
        if now < self._next_prune:
            return
        self._next_prune = now + _PRUNE_PAUSE_S
        if deleted := await asyncio.to_thread(self._retention.prune):
            log.info("old_runs_deleted", count=deleted)

    async def _check_secrets(self) -> None:
        if self._recheck:
            await asyncio.to_thread(self._secrets.recheck)
            self._recheck = False
        last = None
        # The same rows again: they were overwritten meanwhile, or cannot be marked. The next round has them.
        while (rows := await asyncio.to_thread(self._secrets.unchecked, _CHECK_BATCH)) and rows != last:
            last = rows
            answer = await self._ask_keeper({"op": "check", "secrets": [sealed_form(row) for row in rows]})
            if not answer.get("ok"):
                return
            marks = [
                (row.site_id, row.name, row.revision, health)
                for row, health in zip(rows, answer["results"], strict=True)
            ]
            await asyncio.to_thread(self._secrets.mark_health, marks)

    async def _write_marks(self) -> None:
        try:
            check = await self._marks.write()
        except Exception as error:  # noqa: BLE001 - they wait for the next round
            log.error("marks_not_written", exception=type(error).__name__)
            return
        if check:
            self._house.set()

    async def _say_how_we_are(self) -> None:
        await self._look_at_keeper()
        status = WorkerStatus(
            home=self._home.instance,
            pid=os.getpid(),
            at_ms=int(time.time() * 1000),
            sandbox=self._level.level,
            sandbox_lines=tuple(self._level.lines()),
            permissive=self._config.sandbox == "permissive",
            keeper={k: v for k, v in self._keeper_status.items() if k not in {"id", "ok", "reads"}},
            secret_reads=self._keeper_status.get("reads", {}),
            restarts={child.name: child.restarts for child in self._children},
        )
        await asyncio.to_thread(write_status, self._db, status)

    async def _sign_last(self) -> None:
        # What happened since the last checkpoint would not be covered until the next start.
        try:
            await asyncio.wait_for(self._checkpoints.sign(), _LAST_CHECKPOINT_S)
        except (ChannelClosedError, NightdropError, TimeoutError):
            log.warning("last_checkpoint_missing")

    async def _look_at_keeper(self) -> None:
        """See what the keeper can open; on PostgreSQL, what it cannot is left to the workers of other hosts."""
        self._keeper_status = await self._ask_keeper({"op": "status"})
        if self._db.is_sqlite:
            return
        opens = bool(self._keeper_status.get("ok")) and self._keeper_status.get("problem") is None
        if opens and self._dispatcher.held:
            self._dispatcher.rung()
        self._dispatcher.held = not opens

    async def _ask_keeper(self, message: dict[str, Any], patience_s: float = 10.0) -> dict[str, Any]:
        channel = self._keeper.channel
        if channel is None:
            raise ChannelClosedError
        return await self._requests.ask(channel, message, patience_s)


def _loop_failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The default handler prints exceptions with their text, which may hold a value.
    log.error("loop_error", exception=type(context.get("exception")).__qualname__)


def _ignore(_frame: Frame) -> None:
    """Answers of the broker say nothing that the worker acts on."""


def lock_home(home: Home) -> IO[bytes]:
    """Take the one worker's place on this home; held until the process ends.

    Raises:
        WorkerRunningError: somebody else holds it.
    """
    file = (home.run_dir / "worker.lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise WorkerRunningError from None
    return file


async def _serve(home: Home, config: Config) -> None:
    await Worker(home, config, probe()).run()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the worker in the foreground; exit 0 after SIGTERM, 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="nightdrop worker")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args(arguments)
    parent_death = "NIGHTDROP_SUPERVISED" in os.environ
    process.harden(pdeathsig=parent_death)
    try:
        home = open_home(options.home)
        config = load_config(home)
        configure_logging(config.log_level)
        _lock = lock_home(home)
        asyncio.run(_serve(home, config))
    except NightdropError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        sys.exit(1)
    sys.exit(0)
