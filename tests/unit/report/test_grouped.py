"""Many targets by change: nothing is lost, whoever matters is named, a document gives what the run gives."""

import json
import re
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.drift import Difference
from deployer.drift import Drift
from deployer.outcome import Applied
from deployer.outcome import Drifted
from deployer.outcome import Failure
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.plan import Cause
from deployer.plan import make_plan
from deployer.report import as_json
from deployer.report import as_markdown
from deployer.report import as_text
from deployer.report import grouped
from deployer.report import merged
from deployer.report import shapes
from deployer.report.groups import groups
from deployer.report.groups import transition_of
from deployer.report.naming import Names
from deployer.report.rows import ChangeRow
from deployer.report.rows import FieldRow
from deployer.report.rows import Row
from tests import crowd
from tests import make
from tests.unit.report.test_markdown import GITHUB
from tests.unit.report.test_markdown import HOSTILE
from tests.unit.report.test_markdown import skeleton


def told(outcomes, verb="plan"):
    return grouped.render(grouped.rows_of(outcomes), as_text.summary(outcomes), "1a87cb97b95b1f2a", verb=verb)


def in_markdown(outcomes):
    return as_markdown.render("plan", "prod", outcomes, by="change")


def test_a_plan_of_many_targets_reads_well(golden, repo_root):
    outcomes = crowd.crowd(" of theirs @jo `x`")

    golden(repo_root / "tests/cases/report/by-change.txt", told(outcomes))
    golden(repo_root / "tests/cases/report/by-change.md", in_markdown(outcomes))


def done(outcomes):
    """The same, carried out; every third update fails."""
    for outcome in outcomes:
        if not isinstance(outcome, Planned):
            yield outcome
            continue
        failed = [one for number, one in enumerate(outcome.plan.changes) if one.action == "update" and number % 3 == 2]
        worked = tuple(one for one in outcome.plan.changes if one not in failed and not one.blocked)
        yield Applied(outcome.place, outcome.plan, worked, tuple(Failure(one, "409: it changed") for one in failed))


def weighed(outcomes):
    """The same, as `drift` finds it."""
    for outcome in outcomes:
        if not isinstance(outcome, Planned):
            yield outcome
            continue
        changes = outcome.plan.changes
        found = tuple(Difference(one, one.cause, "new in Git" if one.action == "create" else "") for one in changes)
        yield Drifted(outcome.place, outcome.plan, Drift(found, outcome.plan.accepted))


def test_an_apply_and_drift_of_many_targets_read_well(golden, repo_root):
    folder = repo_root / "tests/cases/report"

    golden(folder / "by-change-apply.txt", told(list(done(crowd.crowd())), "apply"))
    golden(folder / "by-change-drift.txt", told(list(weighed(crowd.crowd())), "drift"))


@pytest.mark.parametrize(("verb", "become"), [("plan", list), ("apply", done), ("drift", weighed)])
def test_a_document_gives_the_same_report_as_the_run(verb, become):
    outcomes = list(become(crowd.crowd(" \x1b")))
    document = json.loads(as_json.render(verb, "prod", outcomes))

    again = grouped.render(grouped.rows_in(document), as_text.summary(outcomes), "1a87cb97b95b1f2a", verb=verb)

    assert again == told(outcomes, verb)


def test_the_report_of_merged_shards_is_by_change_as_well():
    document = json.loads(as_json.render("plan", "prod", crowd.crowd()))

    parts = told(crowd.crowd()).split("\n\n")[1:-1]
    assert shapes.fault(document) == ""
    assert merged.text(document).split("\n\n")[: len(parts)] == parts
    assert "<code>To look at: 6 changes" in merged.markdown(document)


# -- nothing is lost --------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b", "deployer-x-0123456789ab", "deployer-x-ba9876543210"])
VALUES = st.sampled_from([None, 1, "low", "high", ["a"], ["a", "b"], ["c"], "one\ntwo", "one\n2", {"a": 1}])
FIELDS = st.lists(st.builds(FieldRow, st.sampled_from(["p", "q", "query.let N"]), VALUES, VALUES), max_size=3)
CHANGES = st.builds(
    ChangeRow,
    action=st.sampled_from(["create", "update", "claim", "delete"]),
    kind=st.sampled_from(["rule", "item", "list", "data_view", "watchlist"]),
    id=WORDS,
    name=WORDS,
    cause=st.sampled_from(["pending", "drift", "both", "unclaimed", "conflict", "unknown"]),
    blocked=st.sampled_from(["", "", "no"]),
    retires=st.sampled_from([False, False, True]),
    by=st.sampled_from(["", "jo"]),
    fields=FIELDS.map(tuple),
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["kibana", "sentinel"]), st.lists(CHANGES, max_size=4)), min_size=1, max_size=8
).map(
    lambda several: [
        Row(f"t{number // 2}", f"s{number % 2}", "planned", platform, tuple(changes))
        for number, (platform, changes) in enumerate(several)
    ]
)


@given(ROWS)
@settings(max_examples=20)
def test_every_change_and_every_field_of_it_stands_in_exactly_one_place(rows):
    found = groups(rows)

    members = [(row.tenant, row.target, id(change)) for group in found for row, change in group.members]
    assert sorted(members) == sorted((row.tenant, row.target, id(one)) for row in rows for one in row.changes)
    for group in found:
        moved = [one for several in group.moved().values() for one in several]
        fields = Counter(len(change.fields) for _, change in group.members)
        assert sum(len(one.members) for one in moved) == sum(size * number for size, number in fields.items())
        assert all(sum(one.befores.values()) == len(one.members) for one in moved)
    titles = [section.title for section in grouped.sections(rows)]
    numbers = [re.findall(r"[0-9]+", title) for title in titles if title.endswith(("change", "changes"))]
    assert sum(int(one) for [one] in numbers) == sum(len(row.changes) for row in rows)


@given(ROWS)
@settings(max_examples=20)
def test_whoever_loses_something_or_was_edited_or_cannot_be_changed_is_named(rows):
    said = " ".join(line for part in grouped.sections(rows) for line in part.lines if part.title.startswith("To look"))

    for row in rows:
        for change in row.changes:
            if change.action == "delete" or change.blocked or change.cause != "pending":
                assert row.tenant in said


@given(HOSTILE)
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
def test_text_from_outside_changes_nothing_and_reaches_no_terminal(text):
    sound = text.replace("\ud800", "")  # no digest can be made of half a character
    outcomes = crowd.crowd(f"x{sound}")
    report = in_markdown(outcomes)

    assert skeleton(report) == skeleton(in_markdown(crowd.crowd("x")))
    for line in (*report.split("\n"), *told(outcomes).split("\n")):
        assert not {unicodedata.category(each) for each in line} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}, ascii(line)
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_three_hundred_targets_fit_into_a_comment_with_what_is_gravest_first():
    gone, new = (
        ChangeRow("delete", "rule", "old"),
        [ChangeRow("create", "rule", f"{'n' * 400}{one}") for one in range(170)],
    )
    some = [Row(f"tenant-with-a-long-name-{each:04}", "kibana", "planned", "", (gone, *new)) for each in range(300)]

    report = as_markdown.by_change("plan", "prod", [], grouped.sections(some))

    assert len(report) <= as_markdown.LONGEST < GITHUB
    assert "tenant-with-a-long-name-0299" in report
    assert "-  rule/old in all 300 targets:" in report
    assert "more lines of this part" in report


# -- words ------------------------------------------------------------------------------------------------------------


def rows(number, platform="kibana", target="kibana"):
    return [Row(f"t{one:02}", target, "planned", platform) for one in range(number)]


@pytest.mark.parametrize(
    ("some", "among", "words"),
    [
        (slice(0, 43), 43, "all 43 targets"),
        (slice(2, 43), 43, "41 of 43 targets: all but t00, t01"),
        (slice(0, 1), 43, "t00"),
        (slice(0, 7), 43, "7 of 43 targets: t00, t01, t02, t03, t04, t05, t06"),
        (slice(0, 38), 43, "38 of 43 targets: t00, t01, t02, t03, t04, t05 and 32 more targets"),
        (slice(0, 3), 4, "3 of 4 targets: t00, t01, t02"),
    ],
)
def test_many_targets_are_named_in_few_words(some, among, words):
    everybody = rows(among)

    assert Names(everybody).said(everybody[some], everybody) == words


def test_a_target_is_named_with_its_tenant_where_the_tenant_has_others_that_are_not_meant():
    here, there = rows(3), rows(3, "sentinel", "sentinel")
    names = Names([*here, *there])

    assert names.said([*here, there[0]], [*here, *there]) == "4 of 6 targets: t00, t01/kibana, t02/kibana"
    assert names.said(here[:2], here) == "2 of 3 Kibana spaces: t00/kibana, t01/kibana"


@pytest.mark.parametrize(
    ("before", "after", "same_as"),
    [
        (["a", "own"], ["a", "b", "own"], (["other"], ["other", "b"])),
        ('dynamic(["own"])', 'dynamic(["own", "b"])', ("dynamic([])", 'dynamic(["b"])')),
        ("low", "high", ("medium", "high")),
        ("own 1\nx\n", "own 1\ny\n", ("own 2\nx\n", "own 2\ny\n")),
    ],
)
def test_what_becomes_of_a_field_is_the_same_whatever_else_a_tenant_has_in_it(before, after, same_as):
    one, other = (FieldRow("query.let Allowed", *pair) for pair in ((before, after), same_as))

    assert transition_of(one) == transition_of(other)


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [(True, 1, True), (["a", "b"], ["b", "a"], ["a"]), ("1", 1, "1"), ("x\n", "x", "x\n")],
)
def test_what_is_not_the_same_value_is_told_apart(before, after, other):
    assert transition_of(FieldRow("p", before, after)) != transition_of(FieldRow("p", before, other))


def test_few_targets_are_told_one_by_one_unless_asked_otherwise():
    asked = [(None, 10), (None, 11), ("change", 1), ("target", 500)]

    assert [grouped.wanted(by, targets) for by, targets in asked] == [False, True, True, False]


def test_what_one_tenant_adds_by_itself_is_no_news_of_the_others():
    plan = make_plan(make.desired(make.resource("new")), make.live())
    quiet = make_plan(make.desired(), make.live())
    outcomes = [Planned(Place(row.tenant, row.target), quiet) for row in rows(12)]
    outcomes[3] = replace(outcomes[3], plan=plan)

    assert "  + rule/new in t03\n" in told(outcomes)
    assert "\nNo changes in 11 of 12 targets:\n  all but t03\n" in told(outcomes)
    assert Cause.PENDING in {change.cause for change in plan.changes}


def test_where_a_new_value_comes_from_is_said_once_for_all_who_have_it_from_there():
    def row(number):
        place = "rules/a/rule.yaml:3" if number else "environments/prod/tenants/t00.yaml:9 (tenant)"
        field = FieldRow("severity", "low", "high", (place,))
        return Row(f"t{number:02}", "kibana", "planned", changes=(ChangeRow("update", "rule", "a", fields=(field,)),))

    assert grouped.render([row(number) for number in range(12)], []).split("\n\n")[1] == (
        "Changed in Git: 12 changes:\n"
        "  ~ rule/a in all 12 targets\n"
        '      severity  "low" -> "high"\n'
        "        origin: environments/prod/tenants/t00.yaml:9 (tenant) (in t00)\n"
        "        origin: rules/a/rule.yaml:3 (in all but t00)"
    )


def test_what_could_not_be_looked_at_is_never_taken_for_unchanged():
    lost: list[Outcome] = [Unreadable(Place("t00", "kibana"), ""), Stopped(Place("t01"), ())]

    assert [part.title for part in grouped.sections(grouped.rows_of(lost))] == [
        "Not looked at, or stopped: 1 target and 1 tenant's file"
    ]
