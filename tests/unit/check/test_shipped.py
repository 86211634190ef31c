"""The rules that come with the repository compile, as they are written and as targets of demo and prod get them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.check import inspect
from deployer.check.workbench import Said
from deployer.check.workbench import Workbench
from deployer.findings import Severity
from deployer.manifest import rules
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind
from tests import microsoft

NOT_RUN = {"t1583.005-orb-relay/kibana.eql"}
"""The one engine for EQL is for tests alone (AGPL): tests/oracle runs this query."""


def queries(root: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every Sentinel query with its tables, and where it stands: in its file, and in each target of its own."""
    for name, rule in rules.read(root).rules.items():
        if rule.sentinel:
            yield name, rule.sentinel.query, rule.sentinel.data
    for environment in ("demo", "prod"):
        manifest = load(root, environment)
        targets = [(tenant, target) for tenant in manifest.tenants for target in tenant.targets]
        for tenant, target in targets:
            if target.platform is not Platform.SENTINEL:
                continue
            assignment = assign(manifest, tenant, target)
            state = encode(assignment)
            for rule in assignment.rules:
                query = state.resources[Key(Kind.RULE, rule.live_id)].body["query"]
                yield f"{rule.id} in {tenant.name}", query, rule.sentinel.data if rule.sentinel else ()


def faults(root: Path, bench: Workbench) -> list[tuple[str, Said]]:
    found = {query: (where, data) for where, query, data in queries(root)}
    return [(where, said) for query, (where, data) in found.items() for said in bench.compile_variant(query, data).said]


def test_microsofts_analyser_has_nothing_against_any_query(repo_root: Path) -> None:
    """All of them, where `check` takes one of each form."""
    bench = Workbench(microsoft.loaded)

    assert [
        (where, said) for where, query, data in queries(repo_root) for said in bench.compile_variant(query, data).said
    ] == []


@pytest.mark.parametrize("load", [lambda: None, microsoft.loaded], ids=["ours", "microsofts"])
def test_a_misspelt_column_is_found_in_every_query(repo_root: Path, load) -> None:
    """Or the test above would show nothing."""
    bench = Workbench(load)
    for name, rule in rules.read(repo_root).rules.items():
        if rule.sentinel:
            compiled = bench.compile_variant(
                rule.sentinel.query.replace("TimeGenerated", "TimeGenrated"), rule.sentinel.data
            )
            assert not compiled.sound, name


def test_check_has_no_error_and_names_what_it_could_not_look_at(repo_root: Path) -> None:
    """By our own engine: each query as it is written, and one of each form that targets get."""
    seen = inspect(repo_root, None, None, bench=Workbench(lambda: None))

    assert [str(each) for each in seen.findings if each.severity is Severity.ERROR] == []
    not_run = [each.location.path for each in seen.findings if each.code == "query-not-run" and each.location]
    assert {path.removeprefix("rules/") for path in not_run} == NOT_RUN
