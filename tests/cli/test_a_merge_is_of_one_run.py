"""What was left over from another run is named and left out: it says how things were, and nobody looked since."""

import json
import shutil
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest

from deployer.manifest.contents import digest
from tests.cli.test_report_merge import named
from tests.cli.test_report_merge import shards as shards
from tests.cli.test_report_merge import written as written
from tests.cli.test_shards import RULE
from tests.cli.test_shards import four as four


def told(file):
    return json.loads(Path(file).read_text())["shard"]


def of_run(name):
    return lambda document: document["shard"].update(ci_run=name)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (f"rules/{RULE}/rule.yaml", "severity: ", "severity:  "),
        (f"rules/{RULE}/kibana.kuery", "\n", "\n\n"),
        ("environments/site/environment.yaml", "owner: site-soc", "owner: other-soc"),
        ("environments/site/tenants/hooli.yaml", "targets: 1", "targets: 2"),
    ],
    ids=["rule", "query", "environment", "another shard's tenant"],
)
def test_a_shard_of_another_state_of_git_is_named(shards, four, file, old, new):
    files = shards.run("plan", "site")
    path = four.root / file
    path.write_text(path.read_text().replace(old, new, 1))
    shards.deployer("plan", "site", "--shard", "2/3", "--format", "json", "--out", files[1])

    done = shards.merge(files)

    assert (done.code, done.json["merged"]["missing"]) == (3, [2])
    own, others = told(files[1])["git"], told(files[0])["git"]
    said = f"{files[1]} is of another state of Git ({own}) than the others ({others}): it was left out of the report"
    assert named(done)["shard-foreign"] == f"{said}; run shard 2/3 again, with the others"


def test_of_two_states_of_git_in_as_many_shards_the_newest_counts(shards, written):
    shards.edit(written[2], lambda document: document["shard"].update(git="4567"))

    done = shards.merge(written[1:])

    assert "written-2.json is of another state of Git (0123) than the others (4567)" in named(done)["shard-foreign"]


def test_of_what_git_says_neither_the_place_nor_the_order_nor_the_line_ends_count(four, tmp_path):
    there = digest(four.root, "site")
    other = tmp_path / "elsewhere"
    for folder in ("rules", "environments"):
        shutil.copytree(four.root / folder, other / folder)
    for file in sorted(other.rglob("*.yaml"), reverse=True):
        text = file.read_text()
        file.unlink()
        file.write_text(text, newline="\r\n")
    (other / "rules/README.md").write_text("read by nobody here")
    (other / f"rules/{RULE}/tests.yaml").unlink()

    assert digest(other, "site") == there
    assert digest(other, "demo") != there
    assert digest(other, "site", trusted_root=other) != there
    (other / "environments/site/tenants/new.yaml").write_text("")
    assert digest(other, "site") != there


@pytest.mark.parametrize("variable", ["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_BUILDID"])
def test_a_document_says_of_which_ci_run_it_is_and_a_further_attempt_is_the_same_run(
    shards, four, monkeypatch, variable
):
    monkeypatch.setenv(variable, "77")
    files = shards.run("drift", "site")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    shards.deployer("drift", "site", "--shard", "2/3", "--format", "json", "--out", files[1])

    assert [told(file)["ci_run"] for file in files] == ["77"] * 3
    assert "findings" not in shards.merge(files).json


@pytest.mark.parametrize(("own", "said"), [("76", "CI run 76"), (None, "no CI run")])
def test_a_shard_of_another_ci_run_is_named(shards, written, own, said):
    for file in written:
        shards.edit(file, of_run("77"))
    shards.edit(written[1], of_run(own))

    done = shards.merge(written)

    assert (done.code, done.json["merged"]["missing"]) == (3, [2])
    assert f"written-2.json is of {said}, and the others of CI run 77" in named(done)["shard-foreign"]


@pytest.mark.parametrize(("hours", "code"), [(6, 0), (7, 3), (24, 3)])
def test_shards_that_were_begun_hours_before_the_newest_are_named_be_they_most(shards, written, hours, code):
    for file in written[:2]:
        began = datetime.fromisoformat("2026-11-22T06:00:03+00:00") - timedelta(hours=hours)
        shards.edit(file, lambda document, began=began: document["shard"].update(began=began.isoformat()))

    done = shards.merge(written)

    assert done.code == code
    found = [one["message"] for one in done.json.get("findings", ()) if one["code"] == "shard-foreign"]
    assert len(found) == (2 if code else 0)
    for one in found:
        assert f", more than 6 hours before {written[2]} (2026-11-22 06:00:03 UTC): it was left out" in one


def test_a_document_of_an_earlier_version_is_named_also_if_all_are(shards, written):
    for field in ("git", "ci_run", "began"):
        shards.edit(written[1], lambda document, field=field: document["shard"].pop(field))
        assert "does not say of which run it is" in named(shards.merge(written))["shard-foreign"]
    assert shards.merge(written).code == 3

    done = shards.merge(written[1:2], "text")

    assert (done.code, done.out) == (1, "")
    assert "run shard 2/3 again" in done.err


def test_a_single_saved_plan_of_all_tenants_needs_no_such_word(shards, four):
    file = shards.folder / "plan.json"
    shards.deployer("plan", "site", "--tenant", "acme", "--out", str(file))

    assert shards.merge([str(file)]).code == 2


@pytest.mark.parametrize("change", [{"git": 1}, {"ci_run": 1}, {"began": "today"}, {"began": "2026-11-22T06:00:00"}])
def test_a_document_with_another_word_there_is_damaged(shards, written, change):
    shards.edit(written[0], lambda document: document["shard"].update(change))

    assert "it was damaged" in named(shards.merge(written))["shard-unusable"]
