"""Rotation of site keys, the worker's half: asks the keeper, stores what it gives back, and goes on after any death."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from nightdrop.access.sites import PublishedSiteKey, SiteStore
from nightdrop.core.errors import NightdropError
from nightdrop.core.wire import ChannelClosedError
from nightdrop.secrets.model import UNDECRYPTABLE, SealedSecret
from nightdrop.secrets.reseal import OpenRotation, Resealing, RotationTakenError

log = structlog.get_logger()

Json = dict[str, Any]
Ask = Callable[[Json, float], Awaitable[Json]]

# A batch waits behind the requests of runs.
_PATIENCE_S = 60.0
# How long what does not go on is left alone, unless somebody asks for it again.
_REST_S = 15.0
_PURGE_PAUSE_S = 0.1


class RotationRefusedError(NightdropError):
    """The keeper refuses a step of a rotation."""

    def __init__(self, refusal: str) -> None:
        super().__init__()
        self.refusal = refusal


class Rotator:
    """Works on every rotation that is not finished, one at a time; ``look`` starts it."""

    def __init__(
        self,
        resealing: Resealing,
        sites: SiteStore,
        ask: Ask,
        *,
        ring_web: Callable[[], None],
        check: Callable[[], None],
    ) -> None:
        """Take what it works with; ``check`` has the keeper open what was stored, as for any new value."""
        self._resealing = resealing
        self._sites = sites
        self._ask = ask
        self._ring_web = ring_web
        self._check = check
        self._task: asyncio.Task[None] | None = None
        self._resting: dict[OpenRotation, float] = {}

    async def look(self) -> None:
        """Start working when there is something to do; does not wait for its end."""
        if self._task is not None and not self._task.done():
            return
        waiting = await asyncio.to_thread(self._resealing.unfinished)
        now = time.monotonic()
        # One that somebody asked for again has lost its problem, or got the wish to drop: it is another key here.
        self._resting = {each: until for each, until in self._resting.items() if each in waiting and until > now}
        due = [each for each in waiting if each not in self._resting]
        if due:
            self._task = asyncio.get_running_loop().create_task(self._work(due))

    def close(self) -> None:
        """Stop; what is not finished goes on at the next start."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self, due: list[OpenRotation]) -> None:
        for rotation in due:
            try:
                problem = await self._rotate(rotation)
            except ChannelClosedError:
                # The keeper is started again, and then this is looked at again.
                log.warning("rotation_interrupted", site=rotation.site_id)
                return
            except RotationTakenError:
                continue
            except RotationRefusedError as error:
                problem = error.refusal
            except NightdropError as error:
                problem = error.code
            except Exception as error:  # noqa: BLE001 - one spoiled site must not stop the rotations of others
                log.error("rotation_failed", exception=type(error).__name__)
                problem = NightdropError.code
            if problem is not None:
                await self._rest(rotation, problem)

    async def _rest(self, rotation: OpenRotation, problem: str) -> None:
        log.warning("rotation_waits", site=rotation.site_id, epoch=rotation.epoch, problem=problem)
        try:
            await asyncio.to_thread(self._resealing.note_problem, rotation, problem)
        except NightdropError as error:
            log.error("rotation_not_noted", code=error.code)
        rested = OpenRotation(rotation.site_id, rotation.epoch, rotation.drop_undecryptable, problem)
        self._resting[rested] = time.monotonic() + _REST_S
        self._ring_web()

    async def _rotate(self, rotation: OpenRotation) -> str | None:
        """Do everything that is left to do; return the problem that keeps it from ending."""
        if not await asyncio.to_thread(self._resealing.claim, rotation):
            return None
        begun = await self._request({"op": "begin_rotation"}, rotation)
        # From here on nobody stores a value that is sealed to an earlier epoch.
        await asyncio.to_thread(self._sites.publish_site_key, rotation.site_id, published_key(begun))
        while await self._pass(rotation):
            pass
        if await asyncio.to_thread(self._resealing.old_secrets, rotation, ""):
            return UNDECRYPTABLE
        await self._destroy(rotation)
        await asyncio.to_thread(self._resealing.finish, rotation)
        log.info("site_key_rotated", site=rotation.site_id, epoch=rotation.epoch)
        self._ring_web()
        self._check()
        return None

    async def _pass(self, rotation: OpenRotation) -> bool:
        """Go once through the secrets of earlier epochs; tell whether another pass may find one to move."""
        after, changed = "", False
        while batch := await asyncio.to_thread(self._resealing.old_secrets, rotation, after):
            after = batch[-1].id
            changed |= await self._batch(rotation, [each.secret for each in batch])
            self._ring_web()
        return changed

    async def _batch(self, rotation: OpenRotation, secrets: list[SealedSecret]) -> bool:
        asked = [sealed_form(each) for each in secrets]
        answer = await self._request({"op": "reseal", "secrets": asked}, rotation)
        resealed: list[tuple[SealedSecret, bytes]] = []
        undecryptable: list[tuple[SealedSecret, str]] = []
        for secret, result in zip(secrets, answer["results"], strict=True):
            if "sealed" in result:
                resealed.append((secret, base64.b64decode(result["sealed"])))
            else:
                undecryptable.append((secret, str(result["failure"])))
        if resealed:
            await asyncio.to_thread(self._resealing.store, rotation, resealed)
        dropped = 0
        if undecryptable and rotation.drop_undecryptable:
            dropped = await asyncio.to_thread(self._resealing.drop, rotation, undecryptable)
        return bool(resealed or dropped)

    async def _destroy(self, rotation: OpenRotation) -> None:
        # Destroyed at once; gone from the files as soon as nobody reads the keeper's database.
        while not (await self._request({"op": "finish_rotation"}, rotation))["purged"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(_PURGE_PAUSE_S)

    async def _request(self, message: Json, rotation: OpenRotation) -> Json:
        answer = await self._ask({**message, "site": rotation.site_id, "epoch": rotation.epoch}, _PATIENCE_S)
        if not answer.get("ok"):
            raise RotationRefusedError(str(answer.get("code")))
        return answer


def published_key(answer: Json) -> PublishedSiteKey:
    """Return the site key that an answer of the keeper describes."""
    return PublishedSiteKey(
        epoch=int(answer["epoch"]),
        suite=str(answer["suite"]),
        key_id=str(answer["key_id"]),
        public_key=base64.b64decode(answer["public_key"]),
        signature=base64.b64decode(answer["signature"]),
        identity=base64.b64decode(answer["identity"]),
    )


def sealed_form(secret: SealedSecret) -> Json:
    """Return a sealed secret as a request to the keeper has it."""
    return {
        "site": secret.site_id,
        "name": secret.name,
        "revision": secret.revision,
        "epoch": secret.epoch,
        "sealed": base64.b64encode(secret.sealed).decode(),
    }
