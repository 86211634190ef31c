"""The copy in which drafts are tried."""

import shutil
from pathlib import Path

import pytest

from deployer.adopt.folder import Spot
from deployer.adopt.trial import Draft
from deployer.adopt.trial import trial
from deployer.errors import CannotEdit
from deployer.manifest.load import load
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource

FILE = "environments/demo/tenants/acme.yaml"
RULE = """\
id: {id}
name: By hand
description: By hand.
severity: low
attack: []
data_sources: []
kibana: {{data: [], type: query, index: [logs-*]{more}}}
"""


@pytest.fixture
def root(tmp_path: Path, repo_root: Path) -> Path:
    for folder in ("rules", "environments"):
        shutil.copytree(repo_root / folder, tmp_path / folder)
    return tmp_path


def draft(id: str, spot: Spot, more: str = "", query: str = "a : b\n") -> Draft:
    live = Resource(
        Key(Kind.RULE, id),
        {
            "description": "By hand.", "enabled": True, "from": "now-6m", "index": ["logs-*"], "interval": "5m",
            "language": "kuery", "max_signals": 100, "name": "By hand", "query": "a : b", "risk_score": 21,
            "severity": "low", "to": "now", "type": "query",
        },
        name="By hand",
    )  # fmt: skip
    texts = {"rule.yaml": RULE.format(id=id, more=more), "kibana.kuery": query}
    return Draft(live, id, spot, {f"rules/{id}/{name}": text for name, text in texts.items()})


def test_drafts_that_hold_stay_and_the_others_are_named_and_taken_out(root):
    manifest = load(root, "demo")
    acme = next(tenant for tenant in manifest.tenants if tenant.name == "acme")
    spot = Spot(manifest, acme, acme.targets[0])
    with trial(root, manifest) as attempt:
        refused = attempt.prove(
            [
                draft("sound", spot),
                draft("faulty", spot, more=", intervall: 7m"),
                draft("other", spot, more=", interval: 7m"),
                draft("sound-too", spot),
                draft("query", spot, query="a : c"),
            ]
        )

        assert refused == {
            "faulty": "unknown key `intervall` in `kibana`; did you mean 'interval'? (rule.yaml:7:50)",
            "other": "the files would not give exactly what is there: interval",
            "query": "the files would not give exactly what is there: query",
        }
        assert {"sound", "sound-too"} <= attempt.manifest.rules.keys()
        assert attempt.manifest.rules.keys().isdisjoint(refused)
    assert not (root / "rules/sound").exists()


def test_a_file_that_is_changed_meanwhile_is_not_written(root):
    manifest = load(root, "demo")
    with trial(root, manifest) as attempt:
        attempt.require_unchanged(root, [FILE])
        (root / FILE).write_text("# mine\n")

        with pytest.raises(CannotEdit, match="was changed meanwhile; nothing was written"):
            attempt.require_unchanged(root, [FILE])
