"""What a run was asked for: the part of an environment that it is about, and what it may do beyond the ordinary."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from difflib import get_close_matches

from deployer.errors import CannotStart
from deployer.manifest.load import Manifest
from deployer.model import Limits
from deployer.plan import matches
from deployer.shards import Dealt
from deployer.shards import Shard
from deployer.waves import Stage
from deployer.waves import find
from deployer.waves import stages

_MOST_NAMES = 10
"""Of those that there are, where one is asked for that is not there."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of an environment a run is about; empty means all of it."""

    tenants: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    wave: frozenset[str] | None = None
    """The tenants of one wave; None means of all."""
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


def in_waves(manifest: Manifest) -> tuple[Stage, ...]:
    """The waves of the environment, each with all of its tenants, whatever a run is about; nothing where it has none.

    A tenant whose file is broken has its wave, too.
    """
    return stages(manifest.environment.waves, names(manifest))


def wave(manifest: Manifest, asked: str) -> Stage:
    """The wave of this number or name. Raise `CannotStart` for one that is not there, or that nobody is in."""
    name, told = manifest.environment.name, in_waves(manifest)
    if not told:
        raise CannotStart(f"{name} has no waves: `waves` in its environment.yaml orders the tenants")
    found = find(told, asked)
    if found is None:
        known = ", ".join(f"{one.number} ({one.wave.name})" for one in told)
        raise CannotStart(f"{name} has no wave {asked!r}; there are {known}")
    if not found.tenants:
        raise CannotStart(f"nobody is in {found.title} of {name}: other waves have all tenants")
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """The tenants that a run is about."""

    selection: Selection
    dealt: Dealt | None
    """Of a run of one shard: how its tenants were dealt out."""

    def __contains__(self, tenant: object) -> bool:
        """Whether a tenant is one of them, also one that no file names any more."""
        if not isinstance(tenant, str) or not _left([tenant], self.selection):
            return False
        return self.dealt is None or self.dealt.holds(tenant)


def chosen(manifest: Manifest, selection: Selection) -> Chosen:
    """The tenants that `selection` means. A tenant whose file is broken is in a shard, too."""
    dealt = Dealt(selection.shard, names(manifest, selection)) if selection.shard else None
    return Chosen(selection, dealt)


def names(manifest: Manifest, selection: Selection = EVERYTHING) -> tuple[str, ...]:
    """The tenants that --tenant and --wave leave, sorted, with a broken file or not: shards are dealt out of these."""
    found = {tenant.name for tenant in manifest.tenants} | set(manifest.broken_tenants)
    return tuple(_left(sorted(found), selection))


def _left(tenants: Sequence[str], selection: Selection) -> list[str]:
    globs, wave = selection.tenants, selection.wave
    return [one for one in tenants if (not globs or matches(one, globs)) and (wave is None or one in wave)]


def require_matches(manifest: Manifest, selection: Selection) -> None:
    """Raise `CannotStart` for a glob that matches nothing: a mistyped name must not read as "clean"."""
    name = manifest.environment.name
    tenants, whose = set(names(manifest)), name
    if selection.wave is not None:
        tenants, whose = tenants & selection.wave, f"that wave of {name}"
    for glob in selection.tenants:
        if not any(matches(tenant, [glob]) for tenant in tenants):
            raise CannotStart(f"no tenant of {whose} matches {glob!r}; there are {_list(tenants, glob)}")
    rules = {rule for rule in manifest.rules if matches(rule, manifest.environment.rules)}
    for glob in selection.rules:
        if not any(matches(rule, [glob]) for rule in rules):
            way_out = "A rule that is no longer in Git is deleted by a run without --rule."
            raise CannotStart(f"no rule of {name} matches {glob!r}; there are {_list(rules, glob)}. {way_out}")


def _list(names: set[str], glob: str) -> str:
    """All of a few names; of many how many there are, and those that are most like what was asked for."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(sorted(names)) or "none"
    near = get_close_matches(glob, sorted(names), _MOST_NAMES)
    told = f"nearest: {', '.join(near)}" if near else f"first: {', '.join(sorted(names)[:_MOST_NAMES])}"
    return f"{len(names):,} ({told})"
