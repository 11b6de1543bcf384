"""What the routes work with."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from nightdrop.access.sites import SiteStore
from nightdrop.api.access import Access
from nightdrop.api.problems import SignInRequiredError
from nightdrop.api.rates import HookRates
from nightdrop.api.tls import Tls
from nightdrop.api.watch import Watch
from nightdrop.core.caller import ANONYMOUS, Caller
from nightdrop.core.clock import Clock
from nightdrop.core.config import Config
from nightdrop.core.home import Home
from nightdrop.db.engine import Database
from nightdrop.runs.bell import Bell
from nightdrop.runs.history import RunHistory
from nightdrop.runs.queue import RunQueue
from nightdrop.sandbox.places import Places
from nightdrop.scripts.store import ScriptStore
from nightdrop.scripts.versions import ScriptVersions
from nightdrop.secrets.rotations import RotationStore
from nightdrop.secrets.store import SecretStore
from nightdrop.triggers.store import TriggerStore


@dataclass(frozen=True, slots=True)
class Services:
    """One of each for the whole process."""

    home: Home
    config: Config
    clock: Clock
    db: Database
    sites: SiteStore
    access: Access
    secrets: SecretStore
    rotations: RotationStore
    scripts: ScriptStore
    versions: ScriptVersions
    runs: RunQueue
    history: RunHistory
    triggers: TriggerStore
    bell: Bell
    watch: Watch
    tls: Tls | None = None
    hook_rates: HookRates = field(default_factory=HookRates)

    @classmethod
    def over(cls, db: Database, home: Home, config: Config, clock: Clock, tls: Tls | None = None) -> "Services":
        """Make the stores over an open database."""
        bell = Bell(home.run_dir / "wake")
        scripts = ScriptStore(db, clock)
        return cls(
            home=home,
            config=config,
            clock=clock,
            db=db,
            sites=SiteStore(db, clock, Places.of(home, config)),
            access=Access.over(db, clock, config),
            secrets=SecretStore(db, clock),
            rotations=RotationStore(db, clock),
            scripts=scripts,
            versions=ScriptVersions(db, scripts),
            runs=RunQueue(db, clock, bell),
            history=RunHistory(db),
            triggers=TriggerStore(db, clock, bell),
            bell=bell,
            watch=Watch(db, bell),
            tls=tls,
        )


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _anyone(request: Request) -> Caller:
    return request.scope.get("nightdrop.caller", ANONYMOUS)  # type: ignore[no-any-return]


async def _caller(request: Request) -> Caller:
    caller = await _anyone(request)
    # The edge refuses such a request already; this holds for an application without it.
    if caller is ANONYMOUS:
        raise SignInRequiredError
    return caller


ServicesDep = Annotated[Services, Depends(_services)]
AnyoneDep = Annotated[Caller, Depends(_anyone)]
CallerDep = Annotated[Caller, Depends(_caller)]
