"""What an include and its list say together: the narrower scope, the earlier end, the include's own words."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.findings import Location
from deployer.manifest.load import load
from deployer.model import Entry

CASES = Path(__file__).parents[2] / "cases" / "manifest"
LIST = {"category": "irc_servers", "title": "IRC", "owner": "ann", "reason": "Support", "values": ["192.0.2.1"]}
SCOPED = {**LIST, "hosts": ["b", "a"], "ports": [6667, 6697], "expires": "2099-06-30", "reviewed": "2026-01-01"}

Included = Callable[[dict[str, Any], dict[str, Any]], tuple[Entry, ...]]


@pytest.fixture
def included(tmp_path: Path) -> Included:
    """The entries of a tenant that includes a list on terms of its own, and of another one that does so without."""

    def call(shared: dict[str, Any], terms: dict[str, Any]) -> tuple[Entry, ...]:
        shutil.copytree(CASES / "sound", tmp_path, dirs_exist_ok=True)
        (tmp_path / "rules/allowlists").mkdir()
        (tmp_path / "rules/allowlists/irc.yaml").write_text(yaml.safe_dump(shared, sort_keys=False))
        found: list[Entry] = []
        for name, own in (("acme", terms), ("globex", {})):
            file = tmp_path / f"environments/test/tenants/{name}.yaml"
            document = yaml.safe_load(file.read_text())
            document["allowlists"] = {"irc_servers": [{"list": "irc", **own}]}
            file.write_text(yaml.safe_dump(document, sort_keys=False))
        for tenant in load(tmp_path, "test").tenants:
            found += tenant.allowlists["irc_servers"]
        return tuple(found)

    return call


@pytest.mark.parametrize(
    ("shared", "terms", "said"),
    [
        (LIST, {}, {"owner": "ann", "reason": "Support", "hosts": (), "expires": None, "reviewed": None}),
        (LIST, {"hosts": ["c"]}, {"hosts": ("c",), "processes": (), "ports": ()}),
        (SCOPED, {}, {"hosts": ("a", "b"), "ports": (6667, 6697), "expires": "2099-06-30", "reviewed": "2026-01-01"}),
        (SCOPED, {"hosts": ["a"], "ports": [6697]}, {"hosts": ("a",), "ports": (6697,)}),
        (SCOPED, {"processes": ["x"]}, {"hosts": ("a", "b"), "processes": ("x",)}),
        (SCOPED, {"expires": "2098-06-30"}, {"expires": "2098-06-30"}),
        (SCOPED, {"expires": "2099-12-31"}, {"expires": "2099-06-30"}),
        (SCOPED, {"expires": "2099-07-01T01:00:00+02:00"}, {"expires": "2099-06-30T23:00:00Z"}),
        (SCOPED, {"expires": "2099-07-01T03:00:00+02:00"}, {"expires": "2099-06-30"}),
        ({**LIST, "ticket": "T-1"}, {"ticket": "T-2", "owner": "jo"}, {"ticket": "T-2", "owner": "jo"}),
        (SCOPED, {"reviewed": "2026-02-02", "reason": "Ours"}, {"reviewed": "2026-02-02", "reason": "Ours"}),
    ],
)
def test_both_hold_and_the_narrower_counts(
    included: Included, shared: dict[str, Any], terms: dict[str, Any], said: dict[str, Any]
) -> None:
    entry = included(shared, terms)[0]

    assert {name: getattr(entry, name) for name in said} == said
    assert (entry.shared, entry.value) == ("irc", "192.0.2.1")


def test_an_entry_knows_where_it_is_written_and_where_it_is_included(included: Included) -> None:
    one, other = included(LIST, {"owner": "jo"})

    assert one.written == other.written == Location("rules/allowlists/irc.yaml", 6, 3)
    assert one.location.path == "environments/test/tenants/acme.yaml"
    assert other.location.path == "environments/test/tenants/globex.yaml"


def test_a_list_is_read_once_whoever_includes_it(included: Included) -> None:
    one, other = included(LIST, {})

    assert one.written is other.written
    assert one.value is other.value
