"""What a run was asked for: the part of an environment that it is about, and what it may do beyond the ordinary."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from deployer.errors import CannotStart
from deployer.manifest.load import Manifest
from deployer.model import Limits
from deployer.plan import matches
from deployer.shards import Dealt
from deployer.shards import Shard


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of an environment a run is about; empty means all of it."""

    tenants: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    shard: Shard | None = None
    """One part of the tenants that are left by then."""


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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The tenants that a run is about."""

    globs: tuple[str, ...]
    dealt: Dealt | None
    """Of a run of one shard: how its tenants were dealt out."""

    def __contains__(self, tenant: object) -> bool:
        """Whether a tenant is one of them, also one that no file names any more."""
        if not isinstance(tenant, str) or (self.globs and not matches(tenant, self.globs)):
            return False
        return self.dealt is None or self.dealt.holds(tenant)


def chosen(manifest: Manifest, selection: Selection) -> Chosen:
    """The tenants that `selection` means. A tenant whose file is broken is in a shard, too."""
    if selection.shard is None:
        return Chosen(selection.tenants, None)
    return Chosen(selection.tenants, Dealt(selection.shard, names(manifest, selection.tenants)))


def names(manifest: Manifest, globs: Sequence[str] = ()) -> tuple[str, ...]:
    """Every tenant of the environment that one of the globs matches, or all, sorted; those with a broken file too."""
    found = {tenant.name for tenant in manifest.tenants} | set(manifest.broken_tenants)
    return tuple(sorted(name for name in found if not globs or matches(name, globs)))


def require_matches(manifest: Manifest, selection: Selection) -> None:
    """Raise `CannotStart` for a glob that matches nothing: a mistyped name must not read as "clean"."""
    name = manifest.environment.name
    tenants = set(names(manifest))
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
