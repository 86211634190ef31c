"""What a platform says in other words is no drift: every rule of the repository, every tenant, every way to say it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.apply import apply
from deployer.emulator import Emulator
from deployer.emulator import reshaping
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Assignment
from deployer.model import SentinelTarget
from deployer.outcome import Place
from deployer.plan import Plan
from deployer.plan import make_plan
from deployer.providers import base
from deployer.providers.base import Provider
from deployer.providers.codecs import encode
from deployer.providers.connect import Connections

ROOT = Path(__file__).resolve().parent.parent.parent
WAYS = tuple(reshaping.WAYS)


def targets() -> Iterator[Any]:
    for environment in ("demo", "prod"):
        manifest = load(ROOT, environment)
        for tenant in manifest.tenants:
            for target in tenant.targets:
                assignment = assign(manifest, tenant, target)
                yield pytest.param(assignment, id=f"{environment}-{tenant.name}-{target.name}")


class Site:
    """Every tenant's targets, on one emulator; those of real customers are led there by their addresses alone."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self._providers: dict[tuple[str, str, str], Provider] = {}

    def provider(self, assignment: Assignment) -> Provider:
        """The target's own provider; what is written there has been written."""
        target = assignment.target
        key = (assignment.environment, target.tenant, target.name)
        if key not in self._providers:
            place = f"{assignment.environment}-{target.tenant}"
            change: dict[str, Any] = {"workspace": place} if isinstance(target, SentinelTarget) else {"space": place}
            led = replace(target, emulator=True, **change)
            self._providers[key] = Connections({}, (), ROOT, self.emulator.url).provider(led)
            applied = self.apply(assignment)
            assert [failure.error for failure in applied.failures] == []
            assert len(applied.done) > 1
        return self._providers[key]

    def plan(self, assignment: Assignment) -> Plan:
        desired = encode(assignment)
        return make_plan(desired, self.provider(assignment).read(desired))

    def apply(self, assignment: Assignment) -> Any:
        place = Place(assignment.target.tenant, assignment.target.name)
        return apply(place, self.plan(assignment), self.provider(assignment))

    def close(self) -> None:
        for provider in self._providers.values():
            provider.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Emulator() as emulator:
        made = Site(emulator)
        yield made
        made.close()


@pytest.fixture
def reshape(site: Site) -> Iterator[Any]:
    yield lambda *ways: site.emulator.set("reshape", list(ways))
    site.emulator.set("reshape", [])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CONFIRM_WAITS_SECONDS", (0.0, 0.01, 0.02))


@pytest.mark.parametrize("assignment", list(targets()))
def test_a_tenant_that_was_applied_has_no_drift_in_whatever_words(site, reshape, assignment):
    assert site.plan(assignment).changes == ()
    site.emulator.clear_requests()

    for ways in [*((way,) for way in WAYS), WAYS, WAYS[::-1]]:
        reshape(*ways)
        assert (ways, paths(site.plan(assignment))) == (ways, [])

    site.apply(assignment)
    assert [one["path"] for one in site.emulator.requests if one["method"] != "GET"] == []


def paths(plan: Plan) -> list[tuple[str, str, list[str]]]:
    return [(str(change.key), change.action, [field.path for field in change.fields]) for change in plan.changes]


@pytest.mark.parametrize("assignment", list(targets()))
def test_a_write_is_confirmed_in_whatever_words(site, reshape, assignment):
    site.provider(assignment)
    moved = replace(assignment, rules=tuple(replace(rule, name=f"{rule.name}, moved") for rule in assignment.rules))
    reshape(*WAYS)

    applied = site.apply(moved)

    assert [failure.error for failure in applied.failures] == []
    assert len(applied.done) == len(assignment.rules)
    assert paths(site.plan(moved)) == []
    assert len(site.apply(assignment).done) == len(assignment.rules)


def test_every_way_changes_some_document(site, reshape):
    """A way that changes nothing proves nothing."""
    untouched = set(WAYS)
    for param in targets():
        (assignment,) = param.values
        desired = encode(assignment)
        provider = site.provider(assignment)
        site.emulator.set("reshape", [])
        plain = documents(site, provider, desired)
        for way in sorted(untouched):
            site.emulator.set("reshape", [way])
            if documents(site, provider, desired) != plain:
                untouched.discard(way)

    assert untouched <= {"defaults"}  # seen by rules of other kinds, in tests/properties/test_no_false_drift.py


def documents(site: Site, provider: Any, desired: Any) -> str:
    provider.read(desired)
    api = provider._api
    if hasattr(api, "lists"):
        lists = list(api.lists())
        items = list(api.items([one["list_id"] for one in lists]))
        views = [api.data_view(key.id) for key in desired.resources if key.kind.value == "data_view"]
        return str([list(api.rules()), lists, items, views])
    return str(list(api.rules()))
