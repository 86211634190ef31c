"""What every target of a run is to hold, made once; and the tenants that are stopped before anything is asked."""

from collections.abc import Container
from collections.abc import Iterator
from collections.abc import Sequence

from deployer.crew import Job
from deployer.crew import internal
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.model import Target
from deployer.model import Tenant
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Stopped
from deployer.providers.codecs import encode


class Workload:
    """The work of the tenants that are chosen."""

    def __init__(self, manifest: Manifest, chosen: Container[str]) -> None:
        self._manifest = manifest
        self._chosen = chosen
        self._tenants: dict[str, Tenant] = {}
        self._made: tuple[list[Job], list[Stopped]] | None = None

    def whole(self) -> tuple[list[Job], list[Stopped]]:
        """What there is to do, and the tenants that are stopped.

        A fault in a tenant's file stops all of its targets. Raises `InvalidManifest` for faults in rules/ or in the
        environment's own file: they are everybody's.
        """
        for _ in self.jobs():
            pass
        return self._made or ([], [])

    def jobs(self) -> Iterator[Job]:
        """Target by target, so that some can be looked at while others are still made: for what writes nothing.

        A fault that is everybody's is known at the end only, and raised then.
        """
        if self._made:
            yield from self._made[0]
            return
        stopped = self._broken()
        jobs: list[Job] = []
        everybodys: list[Finding] = []
        for tenant in self._manifest.tenants:
            if tenant.name not in self._chosen:
                continue
            own, faults = self._of(tenant)
            everybodys += [fault for fault in faults if _is_everybodys(fault)]
            if faults:
                stopped.append(Stopped(Place(tenant.name), tuple(dict.fromkeys(faults))))
            else:
                jobs += own
                yield from own
        if everybodys:
            raise InvalidManifest(list(dict.fromkeys(everybodys)))
        self._made = (jobs, stopped)

    def targets(self) -> Iterator[Target]:
        """Every chosen target whose file can be used, nothing made yet."""
        for tenant in self._manifest.tenants:
            if tenant.name in self._chosen:
                self._tenants[tenant.name] = tenant
                yield from tenant.targets

    def job(self, target: Target) -> Job:
        """One of `targets`, and what it is to hold. Raises `InvalidManifest`. For any thread."""
        try:
            assignment = assign(self._manifest, self._tenants[target.tenant], target)
            return Job(target, encode(assignment), assignment)
        except InvalidManifest:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours in one tenant must not hide the others
            raise InvalidManifest([Finding("internal", internal(error), location=target.location)]) from None

    def settled(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of `targets`, and those of tenants that are stopped: a fault in one target stops the tenant.

        Raises `InvalidManifest` for faults that are everybody's.
        """
        faults: dict[str, dict[Finding, None]] = {}
        for outcome in outcomes:
            if isinstance(outcome, Stopped) and outcome.place.target is None:
                faults.setdefault(outcome.place.tenant, {}).update(dict.fromkeys(outcome.findings))
        everybodys = [fault for found in faults.values() for fault in found if _is_everybodys(fault)]
        if everybodys:
            raise InvalidManifest(list(dict.fromkeys(everybodys)))
        stopped = [Stopped(Place(tenant), tuple(found)) for tenant, found in faults.items()]
        return [*self._broken(), *stopped, *(one for one in outcomes if one.place.tenant not in faults)]

    def _broken(self) -> list[Stopped]:
        broken = self._manifest.broken_tenants
        return [Stopped(Place(name), findings) for name, findings in broken.items() if name in self._chosen]

    def _of(self, tenant: Tenant) -> tuple[list[Job], list[Finding]]:
        faults: list[Finding] = []
        own: list[Job] = []
        self._tenants[tenant.name] = tenant
        for target in tenant.targets:
            try:
                own.append(self.job(target))
            except InvalidManifest as error:
                faults += error.findings
        return own, faults


def _is_everybodys(fault: Finding) -> bool:
    path = fault.location.path if fault.location else ""
    return path.startswith("rules/") or path.endswith("/environment.yaml")
