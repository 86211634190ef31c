"""One verb over many targets: side by side, each isolated from the others, none left out of the report."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from deployer.apply import apply
from deployer.emulator import Emulator
from deployer.emulator import EmulatorError
from deployer.errors import CannotStart
from deployer.errors import Conflict
from deployer.errors import InvalidManifest
from deployer.errors import ProviderError
from deployer.findings import Finding
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.model import Assignment
from deployer.model import Limits
from deployer.model import Target
from deployer.model import Tenant
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.plan import Plan
from deployer.plan import UnsafePlan
from deployer.plan import check_limits
from deployer.plan import chosen
from deployer.plan import make_plan
from deployer.plan import matches
from deployer.plan import narrow
from deployer.providers.base import Provider
from deployer.providers.codecs import encode
from deployer.providers.connect import Connections
from deployer.state import DesiredState
from deployer.verify import verify

JOBS = 16
"""Targets that are worked on side by side, unless told otherwise: nearly all of the time is spent waiting."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of an environment a run is about; empty means all of it."""

    tenants: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user agreed to beyond the ordinary."""

    adopt: bool = False
    reenable: bool = False
    deletes: int | None = None
    updates: int | None = None

    def widen(self, limits: Limits) -> Limits:
        """The environment's limits, raised to what was agreed to."""
        return replace(
            limits,
            deletes=limits.deletes if self.deletes is None else max(limits.deletes, self.deletes),
            updates=limits.updates if self.updates is None else max(limits.updates, self.updates),
        )


Approve = Callable[[Sequence[Outcome]], bool]


class Fleet:
    """The targets of one environment that a run is about. It may start the emulator."""

    def __init__(
        self,
        manifest: Manifest,
        root: Path,
        *,
        selection: Selection = Selection(),
        trusted_hosts: Sequence[str] | None = None,
        jobs: int = JOBS,
    ) -> None:
        self._manifest = manifest
        self._root = root
        self._selection = selection
        self._trusted = manifest.environment.trusted_hosts if trusted_hosts is None else trusted_hosts
        self._jobs = jobs
        self._connections: Connections | None = None

    def plan(self, consent: Consent = Consent()) -> list[Outcome]:
        """Read and compare every target; nothing is written."""

        def one(provider: Provider, assignment: Assignment, place: Place) -> Outcome:
            return Planned(place, self._plan(provider, assignment, consent))

        return self._each(one)

    def apply(self, consent: Consent = Consent(), approve: Approve | None = None) -> list[Outcome]:
        """Plan every target, ask once if `approve` is given, and carry out exactly what was shown."""
        shown: dict[Place, str] | None = None
        if approve is not None:
            outcomes = self.plan(consent)
            if not approve(outcomes):
                raise CannotStart("Nothing was applied.")
            shown = {outcome.place: outcome.plan.digest for outcome in outcomes if isinstance(outcome, Planned)}

        def one(provider: Provider, assignment: Assignment, place: Place) -> Outcome:
            plan = self._plan(provider, assignment, consent)
            if shown is not None and shown.get(place) != plan.digest:
                raise Conflict("the target changed after the plan was shown; run again")
            return apply(place, plan, provider)

        return self._each(one)

    def verify(self) -> list[Outcome]:
        """Read every target back and answer the verify levels."""
        required = self._manifest.environment.require

        def one(provider: Provider, assignment: Assignment, place: Place) -> Outcome:
            desired = encode(assignment)
            live = provider.read(desired)
            levels = verify(desired, live, provider.health)
            if self._selection.rules:
                keys = chosen(desired, self._selection.rules)
                levels = tuple(level for level in levels if level.key in keys)
            return Verified(place, levels, required, emulated=live.emulated)

        return self._each(one)

    def desired(self) -> list[tuple[Place, DesiredState]]:
        """What every selected target is to hold, narrowed to the selected rules. Asks nothing of any target."""
        states = []
        for tenant, target in self._pairs():
            state = encode(assign(self._manifest, tenant, target))
            if globs := self._selection.rules:
                keys = chosen(state, globs)
                state = replace(
                    state,
                    resources={key: one for key, one in state.resources.items() if key in keys},
                    not_applicable=tuple(item for item in state.not_applicable if matches(item.rule, globs)),
                )
            states.append((Place(tenant.name, target.name, target.emulator), state))
        return states

    def redact(self, text: str) -> str:
        """`text` without any secret that the run has used, even where a live object or a server repeats it."""
        return self._connections.redact(text) if self._connections else text

    def _plan(self, provider: Provider, assignment: Assignment, consent: Consent) -> Plan:
        desired = encode(assignment)
        live = provider.read(desired)
        plan = make_plan(desired, live, adopt=consent.adopt, reenable=consent.reenable)
        if self._selection.rules:
            plan = narrow(plan, desired, self._selection.rules)
        check_limits(plan, consent.widen(self._manifest.environment.limits))
        return plan

    def _each(self, verb: Callable[[Provider, Assignment, Place], Outcome]) -> list[Outcome]:
        """The outcome of every selected target, in a stable order; a tenant with a broken file is one outcome, too."""
        outcomes: list[Outcome] = [
            Stopped(Place(name), findings)
            for name, findings in self._manifest.broken_tenants.items()
            if self._selects(name)
        ]
        pairs = self._pairs()
        with _emulator([target for _, target in pairs], self._root) as emulator:
            connections = Connections(self._manifest.environment.credentials, self._trusted, self._root, emulator)
            self._connections = connections
            with ThreadPoolExecutor(max_workers=max(1, min(self._jobs, len(pairs)))) as pool:
                outcomes += pool.map(
                    lambda pair: _isolated(lambda: assign(self._manifest, *pair), connections, pair[1], verb),
                    pairs,
                )
        return sorted(outcomes, key=lambda outcome: (outcome.place.tenant, outcome.place.target or ""))

    def _pairs(self) -> list[tuple[Tenant, Target]]:
        tenants = [tenant for tenant in self._manifest.tenants if self._selects(tenant.name)]
        return [(tenant, target) for tenant in tenants for target in tenant.targets]

    def _selects(self, tenant: str) -> bool:
        globs = self._selection.tenants
        return not globs or matches(tenant, globs)


def require_matches(manifest: Manifest, selection: Selection) -> None:
    """Raise `CannotStart` for a glob that matches nothing: a mistyped name must not read as "clean"."""
    names = {tenant.name for tenant in manifest.tenants} | set(manifest.broken_tenants)
    for glob in selection.tenants:
        if not any(matches(name, [glob]) for name in names):
            raise CannotStart(f"no tenant of {manifest.environment.name} matches {glob!r}; there are {_list(names)}")
    for glob in selection.rules:
        if not any(matches(rule_id, [glob]) for rule_id in manifest.rules):
            raise CannotStart(f"no rule matches {glob!r}; there are {_list(set(manifest.rules))}")


def _isolated(
    assignment: Callable[[], Assignment],
    connections: Connections,
    target: Target,
    verb: Callable[[Provider, Assignment, Place], Outcome],
) -> Outcome:
    """One target's outcome, whatever happens there."""
    place = Place(target.tenant, target.name, target.emulator)
    try:
        assigned = assignment()
        provider = connections.provider(target)
        try:
            return verb(provider, assigned, place)
        finally:
            provider.close()
    except InvalidManifest as error:
        return Stopped(place, error.findings)
    except UnsafePlan as error:
        return Stopped(place, (Finding("limits", str(error)),), refused=True)
    except ProviderError as error:
        return Unreadable(place, str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours in one target must not hide the others
        return Unreadable(place, f"internal error, please report it: {type(error).__name__}: {error}")


@contextmanager
def _emulator(targets: Sequence[Target], root: Path) -> Iterator[str | None]:
    """The URL of the embedded emulator while it is needed, or None."""
    if not any(target.emulator for target in targets):
        yield None
        return
    with ExitStack() as stack:
        try:
            emulator = stack.enter_context(Emulator.attach_or_start(root / ".deployer" / "emulator"))
        except EmulatorError as error:
            raise CannotStart(str(error)) from None
        yield emulator.url


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
