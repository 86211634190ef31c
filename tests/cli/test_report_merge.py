"""The documents of shards make the document of the whole run, and whatever does not fit is named."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli import colleague
from tests.cli.test_shards import RULE
from tests.cli.test_shards import four as four

SHARDS = (1, 2, 3)


@dataclass(frozen=True)
class Shards:
    """The documents of one verb, a file for each shard, and how to join them."""

    deployer: Callable
    folder: Path

    def run(self, *words: str) -> list[str]:
        verb, environment, *more = words
        files = []
        for index in SHARDS:
            file = self.folder / f"{verb}-{index}.json"
            out = ("--format", "json", "--out", str(file))
            self.deployer(verb, environment, "--shard", f"{index}/{len(SHARDS)}", *more, *out)
            files.append(str(file))
        return files

    def merge(self, files: list[str], form: str = "json"):
        return self.deployer("report", "merge", *files, "--format", form)

    def edit(self, file: str, change: Callable) -> None:
        document = json.loads(Path(file).read_text())
        change(document)
        Path(file).write_text(json.dumps(document))


@pytest.fixture
def shards(deployer, four, tmp_path):
    return Shards(deployer, tmp_path)


@pytest.fixture
def written(shards):
    """Documents of a plan that nobody had to ask a server for."""
    target = {
        "target": "kibana", "outcome": "planned", "exit_code": 0, "fails_run": False, "changes": [], "carried": [],
        "unchanged": 3, "unmanaged": 0, "not_applicable": [], "findings": [], "digest": "d",
    }  # fmt: skip
    files = []
    for index in SHARDS:
        document = {
            "schema": "deployer/1", "verb": "plan", "environment": "site", "exit_code": 0, "digest": "x",
            "asked": {"tenants": [], "rules": [], "shard": f"{index}/3"},
            "shard": {
                "index": index, "of": 3, "tenants": 1, "among": 3, "dealt": "abc", "names": [f"t{index}"],
                "git": "0123", "ci_run": None, "began": f"2026-11-22T06:00:0{index}+00:00",
            },
            "targets": [{"tenant": f"t{index}", **target}],
            "summary": {"create": 0, "unchanged": 3},
        }  # fmt: skip
        file = shards.folder / f"written-{index}.json"
        file.write_text(json.dumps(document))
        files.append(str(file))
    return files


def named(done):
    return {one["code"]: one["message"] for one in done.json["findings"]}


def whole(document):
    """Without what names the shards; what a target keeps of what others change is told within a shard only."""
    told = {name: value for name, value in document.items() if name not in ("merged", "shard")}
    targets = [{name: value for name, value in one.items() if name != "keeps"} for one in document["targets"]]
    return {**told, "targets": targets}


def test_the_shards_of_each_verb_make_the_document_of_the_whole_run(deployer, shards, four):
    """Of a run with a broken tenant, one that cannot be read, and drift."""
    deployer("apply", "site")
    colleague.edit_rule(four.emulator, "acme", RULE, interval="9m")
    four.emulator.fault(path="/s/initech/", status=401)
    for verb, code in (("plan", 3), ("drift", 3), ("verify", 1)):
        joined = shards.merge(shards.run(verb, "site"))
        expected = deployer(verb, "site", "--format", "json")

        assert (joined.code, joined.json["exit_code"], expected.code) == (code, code, code)
        assert whole(joined.json) == whole(expected.json)
        assert [one["index"] for one in joined.json["merged"]["shards"]] == [1, 2, 3]


def test_a_merged_plan_is_applied_as_the_plan_of_all(deployer, shards, four):
    four.tenant("hooli").unlink()
    files = shards.run("plan", "site")
    plan = shards.folder / "plan.json"

    merged = deployer("report", "merge", *files, "--format", "json", "--out", str(plan))
    applied = deployer("apply", "site", "--plan", str(plan), "--format", "json")

    assert (merged.code, applied.code) == (2, 0)
    assert [one["outcome"] for one in applied.json["targets"]] == ["applied"] * 3


def test_a_shard_that_is_missing_or_has_left_nothing_is_named(shards, written):
    first, second, _ = written
    Path(second).write_text("")
    nowhere = str(shards.folder / "written-9.json")

    done = shards.merge([first, second, nowhere])

    assert (done.code, done.json["merged"]["missing"]) == (3, [2, 3])
    assert [one["message"] for one in done.json["findings"]] == [
        f"{second} cannot be used: it is empty",
        f"{nowhere} cannot be used: No such file or directory",
        "shards 2/3, 3/3 are missing: nothing is known of their tenants",
    ]


def test_the_report_may_go_to_a_file_that_it_is_made_of(deployer, shards, written):
    into = ("--format", "json", "--out")
    done = deployer("report", "merge", *written, *into, written[0])
    nowhere = deployer("report", "merge", *written, *into, str(shards.folder / "none" / "plan.json"))

    assert (done.code, json.loads(Path(written[0]).read_text())["summary"]["unchanged"]) == (0, 9)
    assert (nowhere.code, "No such file or directory" in nowhere.err) == (1, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda document: document.update(environment="prod"), "is of the environment prod, and the others are not"),
        (lambda document: document.update(verb="verify"), "is of `verify`, and the others are not"),
        (lambda document: document["shard"].update(of=4), "is one of 4 shards, and the others are not"),
        (lambda document: document["asked"].update(rules=["x"]), "is asked for with --rule x, and the others without"),
        (lambda document: document["shard"].update(dealt="def"), "is dealt out of other tenants (def)"),
        (lambda document: document.pop("shard"), "is one of 1 shards"),
    ],
    ids=["environment", "verb", "number", "options", "tenants", "no shard"],
)
def test_a_document_of_another_run_is_named_and_left_out_even_if_it_comes_first(shards, written, change, said):
    shards.edit(written[0], change)

    done = shards.merge(written)

    assert (done.code, done.json["merged"]["missing"]) == (3, [1])
    assert said in named(done)["shard-foreign"]
    assert [one["tenant"] for one in done.json["targets"]] == ["t2", "t3"]


def test_a_shard_that_is_there_twice_is_named_and_counted_once(shards, written):
    done = shards.merge([*written, written[1]])

    assert (done.code, done.json["summary"]["unchanged"]) == (3, 9)
    assert list(named(done)) == ["shard-twice"]


def test_a_tenant_in_two_shards_is_named(shards, written):
    """One that no file names any more, say: a journal knows it."""
    for file in written:
        shards.edit(file, lambda document: document.update(verb="drift"))
    shards.edit(written[1], lambda document: document["targets"].append({**document["targets"][0], "tenant": "t1"}))
    shards.edit(written[1], lambda document: document["summary"].update(unchanged=6))

    assert "tenant t1 is in " in named(shards.merge(written))["tenant-twice"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 100_000, '{"schema": "deployer/2"}', '{"schema": "deployer/1", "verb": "check"}', "\0"],
)
def test_with_nothing_to_merge_the_run_has_failed(shards, written, text):
    Path(written[0]).write_text(text)

    for form in ("text", "json"):
        done = shards.merge(written[:1], form)

        assert done.code == 1
        assert f"{written[0]} cannot be used" in done.err
    assert done.json["exit_code"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"targets": {}},
        {"targets": [1]},
        {"summary": {"create": "1"}},
        {"exit_code": True},
        {"exit_code": 64},
        {"shard": {"index": 4, "of": 3}},
        {"shard": []},
        {"shard": None},
        {"asked": None},
        {"findings": [{}]},
        {"waves": [{}]},
        {"error": 1},
    ],
)
def test_a_damaged_document_is_named(shards, written, change):
    shards.edit(written[0], lambda document: document.update(change))

    done = shards.merge(written)

    assert done.code == 3
    assert "it was damaged" in named(done)["shard-unusable"]


def test_a_target_without_its_name_is_a_damaged_document(shards, written):
    shards.edit(written[0], lambda document: document["targets"][0].pop("target"))

    done = shards.merge(written)

    assert done.code == 3
    assert "targets[0].target is not as deployer writes it" in named(done)["shard-unusable"]


def test_a_document_of_an_earlier_version_says_what_to_do(shards, written):
    shards.edit(written[0], lambda document: document["targets"][0].pop("exit_code"))

    assert named(shards.merge(written))["shard-unusable"].endswith("it was written by an earlier version of deployer")


def test_a_run_that_stopped_before_any_target_is_part_of_the_whole(deployer, shards, four, written):
    stopped = ("plan", "nowhere", "--shard", "3/3", "--format", "json", "--out", written[2])
    before = json.loads(Path(written[2]).read_text())
    same = {name: before[name] for name in ("environment", "asked")}
    same["shard"] = {name: before["shard"][name] for name in ("index", "of", "git", "ci_run", "began")}
    deployer(*stopped)
    shards.edit(written[2], lambda document: document.update(same))

    done = shards.merge(written)

    assert done.code == 3
    assert "no environment" in done.json["error"]
    assert done.json["merged"]["missing"] == []


def test_a_shard_without_a_tenant_changes_nothing(shards, written):
    failed = {"outcome": "unreadable", "exit_code": 1, "error": "no answer"}
    for file in written[:2]:
        shards.edit(file, lambda document: (document["targets"][0].update(failed), document.update(exit_code=1)))
    shards.edit(written[2], lambda document: document.update(targets=[]))

    assert shards.merge(written).code == 1


WAVE = {"name": "canary", "number": 1, "tenants": [], "outcome": "passed", "failed": [], "failures": [], "reason": ""}


def test_a_wave_that_was_stopped_in_one_shard_says_in_how_many(shards, written):
    told = {"tenant": "t2", "reason": "enabled fails"}
    lost = WAVE | {"tenants": ["t2"], "outcome": "stopped", "failed": ["t2"], "failures": [told], "reason": "1 of 1"}
    shards.edit(written[0], lambda document: document.update(waves=[WAVE | {"tenants": ["t1"]}]))
    shards.edit(written[1], lambda document: document.update(waves=[lost], exit_code=3))

    done = shards.merge(written)

    assert done.code == 3
    said = "passed in 1 of 2 shards; stopped in 1 of 2 shards (1 of 1)"
    assert done.json["waves"] == [lost | {"tenants": ["t1", "t2"], "reason": said}]
    assert f"Wave 1 (canary), 2 tenants: stopped: {said}\n  x t2: enabled fails\n" in shards.merge(written, "text").out


def test_a_wave_that_one_shard_has_gone_through_is_not_said_to_be_not_begun(shards, written):
    late = WAVE | {"outcome": "not begun", "reason": "wave 1 stopped the run"}
    for file, wave in zip(written, (WAVE, WAVE | {"reason": "1 of 9"}, late), strict=True):
        shards.edit(file, lambda document, wave=wave: document.update(waves=[wave]))

    [mixed] = shards.merge(written).json["waves"]
    shards.edit(written[2], lambda document: document.update(waves=[WAVE | {"reason": "1 of 9"}]))
    [alike] = shards.merge(written).json["waves"]

    said = "passed in 2 of 3 shards (1 of 9); not begun in 1 of 3 shards (wave 1 stopped the run)"
    assert (mixed["outcome"], mixed["reason"]) == ("stopped", said)
    assert (alike["outcome"], alike["reason"]) == ("passed", "1 of 9")


def test_numbers_of_a_run_are_added_up_and_what_differs_stays_with_its_shard(shards, written):
    for number, file in enumerate(written, 1):
        more = {"requests": {"read": number, "hosts": {"a": 1}}, "runs": ["x"], "recorded_as": f"r{number}", "same": 1}
        shards.edit(file, lambda document, more=more: document.update(more))

    done = shards.merge(written).json

    assert (done["requests"], done["runs"], done["same"]) == ({"read": 6, "hosts": {"a": 3}}, ["x"], 1)
    assert [one["recorded_as"] for one in done["merged"]["shards"]] == ["r1", "r2", "r3"]


def test_the_reports_for_people_name_what_is_wrong_first_and_count_the_rest(deployer, shards, four):
    deployer("apply", "site")
    colleague.edit_rule(four.emulator, "acme", RULE, interval="9m")
    four.emulator.fault(path="/s/initech/", status=401)
    for verb, found in (("plan", "rule/t1584.005-botnet-node in acme"), ("drift", "acme/kibana: 1 difference")):
        files = shards.run(verb, "site")

        text, markdown = (shards.merge(files[:2], form).out for form in ("text", "markdown"))

        for told in (text, markdown):
            assert told.index("shard 3/3 is missing") < told.index("not looked at: 401") < told.index(found)
            assert "Made of 2 shards, 1 missing." in told
        assert markdown.startswith(f"<!-- deployer:{verb}:site -->\n")


def test_the_plan_of_all_shards_reads_as_the_plan_of_one_run(deployer, shards, four):
    """Also where a tenant keeps what the others change: every shard has changes of it."""
    four.tenant("hooli").write_text(four.tenant("acme").read_text().replace("space: acme", "space: hooli"))
    deployer("apply", "site")
    settings = four.root / "environments/site/environment.yaml"
    four.edit(settings, lambda document: document.update(overlay={RULE: {"severity": "low"}}))
    four.edit(four.tenant("acme"), lambda document: document.update(overlay={RULE: {"severity": "high"}}))

    merged = shards.merge(shards.run("plan", "site"), "text").out
    planned = deployer("plan", "site", "--by", "change").out

    told = planned.partition("\n\n")[2].partition("\n4 targets:")[0]
    assert told == merged.partition("\n4 targets:")[0]
    assert 'acme keeps "high" because environments/site/tenants/acme.yaml:' in told
    assert planned.split("\n")[-2] == merged.split("\n")[-2]


def test_what_a_tenant_keeps_is_not_counted_where_not_every_shard_would_tell_it(deployer, shards, four):
    deployer("apply", "site")
    for name in ("globex", "initech"):
        four.edit(four.tenant(name), lambda document: document.update(overlay={RULE: {"severity": "low"}}))
    four.tenant("hooli").unlink()

    files = shards.run("plan", "site")

    assert "keeps" not in shards.merge(files, "text").out
    assert "rule/t1584.005-botnet-node in 2 of 3 targets" in shards.merge(files, "text").out
