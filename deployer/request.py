"""What a run was asked for: the part of an environment that it is about, and what it may do beyond the ordinary."""

from dataclasses import dataclass
from dataclasses import replace

from deployer.errors import CannotStart
from deployer.manifest.load import Manifest
from deployer.model import Limits
from deployer.plan import matches


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
    rekey: bool = False

    def widen(self, limits: Limits) -> Limits:
        """The environment's limits, raised to what was agreed to."""
        return replace(
            limits,
            deletes=limits.deletes if self.deletes is None else max(limits.deletes, self.deletes),
            updates=limits.updates if self.updates is None else max(limits.updates, self.updates),
        )


EVERYTHING = Selection()
ORDINARY = Consent()


def require_matches(manifest: Manifest, selection: Selection) -> None:
    """Raise `CannotStart` for a glob that matches nothing: a mistyped name must not read as "clean"."""
    name = manifest.environment.name
    tenants = {tenant.name for tenant in manifest.tenants} | set(manifest.broken_tenants)
    for glob in selection.tenants:
        if not any(matches(tenant, [glob]) for tenant in tenants):
            raise CannotStart(f"no tenant of {name} matches {glob!r}; there are {_list(tenants)}")
    rules = {rule for rule in manifest.rules if matches(rule, manifest.environment.rules)}
    for glob in selection.rules:
        if not any(matches(rule, [glob]) for rule in rules):
            way_out = "A rule that is no longer in Git is deleted by a run without --rule."
            raise CannotStart(f"no rule of {name} matches {glob!r}; there are {_list(rules)}. {way_out}")


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
