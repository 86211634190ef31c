"""The shipped queries run on the engine: as they are written, and as they are made for each tenant of the demo."""

import pytest

from deployer.engines import tables
from deployer.engines.kusto import Kusto
from deployer.manifest.load import load
from deployer.model import Assignment
from deployer.model import SentinelTarget
from deployer.providers.sentinel import codec
from deployer.state import Kind
from tests.unit.engines.kusto_make import NOW

TABLES = tuple(table for name in tables.sentinel_names() if (table := tables.sentinel(name)))


def columns(query: str) -> list[str]:
    """What the query gives on tables without events."""
    with Kusto(TABLES) as database:
        result = database.run(query, NOW)
    assert result.rows == ()
    return list(result.columns)


@pytest.fixture(scope="module")
def manifest(repo_root):
    return load(repo_root, "demo")


@pytest.fixture(scope="module")
def written(manifest):
    """The columns of each query as it is written."""
    return {rule.name: columns(rule.sentinel.query) for rule in manifest.rules.values() if rule.sentinel}


def test_every_query_runs_as_it_is_written(written):
    assert [name for name, found in written.items() if not found] == []
    assert len(written) >= 4


def test_every_query_runs_as_it_is_made_for_a_tenant_and_gives_the_same_columns(manifest, written):
    made = []
    for tenant in manifest.tenants:
        for target in tenant.targets:
            if isinstance(target, SentinelTarget):
                rules = tuple(rule for rule in manifest.rules.values() if rule.sentinel)
                state = codec.encode(Assignment("us", "demo", target, rules, manifest.categories, tenant.allowlists))
                bodies = [one.body for one in state.resources.values() if one.key.kind is Kind.RULE]
                made += [(tenant.name, body["displayName"], columns(body["query"])) for body in bodies]
    assert {name: found for _, name, found in made} == written
    assert len(made) >= 2 * len(written)
