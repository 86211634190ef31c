"""What the journals of many runs say of an object that is missing: the last run that saw it, not the last run."""

import json

import pytest

from tests.cli import colleague

RULE, OTHER = "t1584.005-botnet-node", "t1584.005-port-scan-burst"


@pytest.fixture
def acme(deployer, site):
    """One tenant with a space, applied whole."""
    site.tenant("globex").unlink()
    site.edit(
        site.tenant("acme"),
        lambda document: (document["targets"].pop("sentinel"), document["data_sources"].pop("sentinel")),
    )
    assert deployer("apply", "site").code == 0
    return site


def delete(site, rule=RULE):
    colleague.kibana(site.emulator, "acme", "DELETE", colleague.RULES, rule_id=rule)


def seen(deployer, *more):
    """The exit code of drift, and cause and note of each object that is not as Git says."""
    drift = deployer("drift", "site", "--format", "json", *more)
    changes = [change for target in drift.json["targets"] for change in target["changes"]]
    return drift.code, {f"{change['kind']}/{change['id']}": (change["cause"], change["note"]) for change in changes}


def runs(site):
    """The names of the runs, oldest first."""
    lines = [
        json.loads(line)
        for file in (site.root / ".deployer/journal").iterdir()
        for line in file.read_text().splitlines()
    ]
    return list(dict.fromkeys(line["run"] for line in sorted(lines, key=lambda line: line["at"])))


def test_a_run_over_another_rule_does_not_make_a_deleted_rule_new_in_git(deployer, acme):
    delete(acme)
    for _ in range(2):
        assert deployer("apply", "site", "--rule", OTHER).code == 0

    code, found = seen(deployer)

    note = f"deleted in the target: it was there after run {runs(acme)[0]}"
    assert (code, found) == (2, {f"rule/{RULE}": ("drift", note)})


def test_a_run_that_could_not_bring_a_deleted_rule_back_does_not_make_it_new_in_git(deployer, acme):
    delete(acme)
    acme.emulator.fault(method="POST", path="/detection_engine/rules", status=400, times=9)
    failed = deployer("apply", "site")
    acme.emulator.clear_faults()

    assert failed.code == 3
    assert seen(deployer)[0] == 2


def test_once_it_is_back_the_last_run_counts_again(deployer, acme):
    delete(acme)
    deployer("apply", "site", "--rule", OTHER)
    deployer("apply", "site")
    delete(acme)

    assert seen(deployer)[1][f"rule/{RULE}"][1].endswith(runs(acme)[-1])


def test_a_rule_without_its_mark_that_is_deleted_after_another_run_is_drift(deployer, acme):
    tags = colleague.rule_in(acme.emulator, "acme", RULE)["tags"]
    colleague.edit_rule(acme.emulator, "acme", RULE, tags=[tag for tag in tags if not tag.startswith("deployer:")])
    deployer("apply", "site")
    delete(acme)

    assert seen(deployer)[0] == 2


def test_runs_are_told_apart_by_their_lines_and_not_by_the_names_of_their_files(deployer, acme):
    (first,) = (acme.root / ".deployer/journal").iterdir()
    delete(acme)
    deployer("apply", "site")
    (second,) = set(first.parent.iterdir()) - {first}
    first.rename(first.with_name("z.jsonl"))
    second.rename(second.with_name("a.jsonl"))
    delete(acme)

    code, found = seen(deployer)

    assert (code, found[f"rule/{RULE}"][1].rpartition(" ")[2]) == (2, runs(acme)[-1])


def test_runs_that_overlap_both_count(deployer, acme):
    (file,) = (acme.root / ".deployer/journal").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    settled = lines[-1]
    ours = [pair for pair in settled["owned"] if pair[1] != RULE]
    early = {
        **settled,
        "run": "99990101T000000Z-site-1",
        "at": lines[0]["at"],
        "owned": ours,
        "missing": [["rule", RULE]],
    }
    (file.parent / "99990101T000000Z-site-1.jsonl").write_text(json.dumps(early) + "\n")
    delete(acme)

    assert seen(deployer)[0] == 2


def test_a_target_that_moved_is_not_said_to_be_emptied_and_what_it_left_is_told(deployer, acme):
    acme.edit(acme.tenant("acme"), lambda document: document["targets"]["kibana"].update(space="elsewhere"))

    drift = deployer("drift", "site", "--format", "json")

    new, old = sorted(drift.json["targets"], key=lambda target: target["outcome"])
    assert {change["cause"] for change in new["changes"]} == {"unknown"}
    assert (old["outcome"], drift.code) == ("unreadable", 3)
    assert "objects of ours were there after run " in old["error"]
    assert "/s/acme" in old["error"]


def test_a_target_with_another_name_is_the_same_place(deployer, acme):
    acme.edit(acme.tenant("acme"), lambda document: document["targets"].update(main=document["targets"].pop("kibana")))
    clean = seen(deployer)
    delete(acme)

    assert clean == (0, {})
    assert seen(deployer)[0] == 2


def test_a_place_with_another_address_is_not_left_behind_once_it_was_looked_at(deployer, acme):
    other = acme.emulator.url.replace("127.0.0.1", "localhost")
    environment = acme.root / "environments/site/environment.yaml"
    acme.edit(
        environment,
        lambda document: (
            document["trusted_hosts"].append("localhost"),
            document["credentials"]["kibana"]["hosts"].append("localhost"),
        ),
    )
    acme.edit(acme.tenant("acme"), lambda document: document["targets"]["kibana"].update(url=f"{other}/kibana"))
    before = deployer("drift", "site")
    applied = deployer("apply", "site")

    assert (before.code, applied.code) == (3, 0)
    assert seen(deployer) == (0, {})


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "1",
        '{"schema": "deployer-journal/1"}',
        '{"schema": "deployer-journal/1", "environment": "site", "phase": "settled", "at": "2026-01-01T00:00:00Z"}',
        '{"schema": "deployer-journal/1", "environment": "site", "phase": "settled", "at": 1}',
        (
            '{"schema": "deployer-journal/1", "environment": "site", "phase": "settled", "at": "2026-01-01T00:00:00Z", '
            '"tenant": "acme", "target": "kibana", "run": "x", "owned": [["workbook", "x"]]}'
        ),
    ],
)
def test_a_line_that_is_none_of_ours_is_named_and_no_crash(deployer, acme, line):
    (acme.root / ".deployer/journal/odd.jsonl").write_text(line + "\n")

    drift = deployer("drift", "site")

    assert drift.code == 1
    assert "odd.jsonl cannot be read: " in drift.err


def test_a_phase_of_a_later_version_is_skipped(deployer, acme):
    (acme.root / ".deployer/journal/later.jsonl").write_text(
        '{"schema": "deployer-journal/1", "environment": "site", "phase": "later", "at": "2099-01-01T00:00:00Z"}\n'
    )

    assert deployer("drift", "site").code == 0


def test_the_run_of_another_owner_in_the_same_space_says_nothing_of_ours(deployer, acme):
    environment = acme.root / "environments/site/environment.yaml"
    colleague.kibana(acme.emulator, "acme", "DELETE", colleague.RULES, rule_id=RULE)
    acme.edit(environment, lambda document: document.update(owner="other-soc"))
    deployer("apply", "site", "--rule", OTHER)
    acme.edit(environment, lambda document: document.update(owner="site-soc"))

    code, found = seen(deployer)

    assert (code, found[f"rule/{RULE}"][0]) == (2, "drift")
    assert found[f"rule/{RULE}"][1].endswith(runs(acme)[0])


def test_what_was_pulled_and_then_changed_in_git_is_pending_until_somebody_edits_it_again(deployer, acme):
    def tune(interval):
        acme.edit(
            acme.tenant("acme"),
            lambda document: document["overlay"][RULE]["kibana"].update(interval=interval),
        )

    colleague.edit_rule(acme.emulator, "acme", RULE, severity="low", risk_score=21)
    assert deployer("pull", "site", "--tenant", "acme", "--rule", RULE).code == 0
    assert deployer("apply", "site").code == 0
    tune("10m")
    pending = seen(deployer)
    colleague.edit_rule(acme.emulator, "acme", RULE, max_signals=7)
    drifted = seen(deployer)
    deployer("apply", "site")
    tune("20m")
    colleague.edit_rule(acme.emulator, "acme", RULE, severity="low", max_signals=7)

    assert (pending[0], pending[1][f"rule/{RULE}"][0]) == (0, "pending")
    assert (drifted[0], drifted[1][f"rule/{RULE}"][0]) == (2, "both")
    assert seen(deployer)[0] == 2


def test_what_was_pulled_and_then_undone_by_hand_is_drift(deployer, acme):
    colleague.edit_rule(acme.emulator, "acme", RULE, severity="low", risk_score=21)
    deployer("pull", "site", "--tenant", "acme", "--rule", RULE)
    deployer("apply", "site")
    colleague.edit_rule(acme.emulator, "acme", RULE, severity="high", risk_score=73)

    code, found = seen(deployer)

    assert (code, found[f"rule/{RULE}"][0]) == (2, "drift")


def test_a_write_that_nobody_saw_through_is_not_taken_for_one_that_never_was(deployer, acme):
    """It may have come late, and have been deleted by hand since: of what is missing then, nobody can tell."""
    away = acme.root / "away"
    (acme.root / "rules" / RULE).rename(away)
    deployer("apply", "site")
    away.rename(acme.root / "rules" / RULE)
    acme.emulator.fault(path="/s/acme/api/detection_engine/rules$", method="POST", status=503)
    deployer("apply", "site")
    acme.emulator.clear_faults()

    code, found = seen(deployer)

    assert code == 3
    assert found[f"rule/{RULE}"][0] == "unknown"
