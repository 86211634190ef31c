"""Markdown for GitHub: nothing from outside becomes markup, and it fits into a comment whatever there is to say."""

import unicodedata
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deployer.drift import Difference
from deployer.drift import Drift
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.model import Platform
from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Drifted
from deployer.outcome import Failure
from deployer.outcome import Level
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.plan import Cause
from deployer.plan import make_plan
from deployer.report import as_markdown
from deployer.report import as_text
from deployer.ruletests import outcomes as ruletests
from deployer.state import Kind
from deployer.state import Unmanaged
from tests import make

GITHUB = 65_536
"""Characters that the body of a comment or an issue holds."""

TEMPTING = [
    *("`", "``", "```", "````\n", "~~~", "\n```\n", "</details>", "</code>", "</pre>", "-->", "<!--", "<script>"),
    *("@everyone", "#1", "GH-1", "owner/repo#2", "https://evil.example", "www.evil.example", "mailto:a@b.example"),
    *("[x](https://evil.example)", "![x](https://evil.example/x.png)", "<https://evil.example>", "[x]: /y"),
    *("|", "\\|", "\\", "\n\n", "\r", "::error::", "##[error]", "&lt;", "&#64;", "*", "_", "~~", "$x$", ":tada:"),
    *("\x1b[2J", "\u202e", "\u2028", "\ud800", "\0", "# x", "> ", "- ", "1. ", "    ", "\t", "---", "===", "'", '"'),
]
UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
HOSTILE = st.lists(st.one_of(st.sampled_from(TEMPTING), st.text(max_size=5)), max_size=12).map("".join)


def outcomes(text):
    """One of each, in the order of their gravity, with `text` wherever text comes from outside."""
    alone = text
    text = f"x{text}"
    wanted = make.resource(body={"name": "x", "list": ["a"], "query": "one\ntwo"})
    new = make.resource("new", Kind.ITEM, name=text)
    sound = text.replace("\ud800", "")  # no digest can be made of half a character
    body = {"name": sound, "list": [sound], "query": f"one\n{sound}", sound: "unknown"}
    found = replace(wanted, body=body, mark=make.marked(wanted), edited_by=text, carried={text: "x"}, halted=text)
    left = Unmanaged(Kind.RULE, text, text, text)
    plan = make_plan(make.desired(wanted, new), make.live(found, unmanaged=(left,)))
    gone = make.resource("gone", name=text)
    deletes = make_plan(make.desired(), make.live(replace(gone, mark=make.marked(gone))))
    failed = Failure(plan.changes[0], text)
    levels = (Level(wanted.key, "enabled", Answer.FAIL, text), Level(wanted.key, "ran", Answer.UNKNOWN, text))
    remark = Finding("accepted-lapsed", text, Severity.WARNING, make.HERE)
    who = {"note": text, "by": text, "at": datetime(2026, 11, 21, tzinfo=UTC), "source": text}
    drift = Drift(tuple(Difference(each, Cause.DRIFT, **who) for each in plan.changes), (), (remark,))
    return [
        Unreadable(Place(text, "kibana"), alone),
        Stopped(Place(text), (Finding("code", text, Severity.ERROR, make.HERE),)),
        Applied(Place("a"), plan, plan.changes[1:], (failed,)),
        Verified(Place("b"), levels, ("enabled",), (left,)),
        Drifted(Place("bb"), plan, drift),
        Planned(Place("c"), plan),
        Planned(Place(text, text), deletes),
    ]


class Skeleton(HTMLParser):
    """Tags as they are and text only where it is not inside of code."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.seen = []
        self._inside = 0

    def handle_starttag(self, tag, attrs):
        self._inside += tag == "code"
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag):
        self._inside -= tag == "code"
        self.seen.append(f"/{tag}")

    def handle_data(self, data):
        if not self._inside:
            self.seen.append(data)

    def handle_comment(self, data):
        self.seen.append(("comment", data))


def skeleton(report):
    """The page that a reader gets, without what stands in code: GitHub turns nothing there into a link or a mention."""
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(report)
    parser = Skeleton()
    parser.feed(html)
    return parser.seen


@given(HOSTILE)
def test_text_from_outside_changes_nothing_but_what_stands_in_code(text):
    report = as_markdown.render("plan", "test", outcomes(text))

    assert skeleton(report) == skeleton(as_markdown.render("plan", "test", outcomes("")))


def case(text):
    return ruletests.Tested(f"x{text}", Platform.KIBANA, f"x{text}", ruletests.Outcome.FAILED, text, make.HERE)


@given(HOSTILE)
def test_a_failure_and_findings_are_as_harmless(text):
    def reports(text):
        finding = Finding("code", f"x{text}", Severity.ERROR, make.HERE)
        return [
            as_markdown.failure("plan", "test", CannotStart(text)),
            as_markdown.failure("plan", "test", InvalidManifest([finding])),
            as_markdown.findings("test", [finding], f"x{text}"),
            as_markdown.rule_tests(ruletests.Report((case(text),), (finding,), ("rule",))),
        ]

    assert list(map(skeleton, reports(text))) == list(map(skeleton, reports("")))


@given(HOSTILE)
def test_no_line_holds_a_control_character_and_none_begins_as_a_workflow_command(text):
    report = as_markdown.render("plan", f"test{text}", outcomes(text))

    for line in report.split("\n"):
        assert not {unicodedata.category(each) for each in line} & UNPRINTABLE, ascii(line)
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


@given(HOSTILE)
def test_the_environment_can_neither_end_the_marker_nor_leave_its_code(text):
    report = as_markdown.failure("plan", f"x{text}", CannotStart("no such environment"))

    (comment, *page) = skeleton(report)
    assert comment[0] == "comment"
    assert page == skeleton(as_markdown.failure("plan", "x", CannotStart("no such environment")))[1:]


def test_the_first_line_is_the_marker_by_which_a_workflow_finds_its_comment():
    first = as_markdown.render("plan", "prod", outcomes("")).split("\n")[0]

    assert first == as_markdown.marker("plan", "prod") == "<!-- deployer:plan:prod -->"


def crowd(number, kind, text="x"):
    """Targets in the same plight, as there are when a shared rule changes or a proxy fails."""
    resources = [make.resource(f"rule-{one}", body={"query": f"{text}\n" * 50}) for one in range(20)]
    edited = [replace(one, body={"query": "live\n" * 50}, mark=make.marked(one)) for one in resources]
    drifted = make_plan(make.desired(*resources), make.live(*edited))
    equal = make_plan(make.desired(*resources), make.live(*(replace(one, mark=make.marked(one)) for one in resources)))
    places = [Place(f"tenant-{each:03}", "kibana") for each in range(number)]
    made = {
        "drifted": lambda place: Planned(place, drifted),
        "equal": lambda place: Planned(place, equal),
        "unreadable": lambda place: Unreadable(place, text * 5_000),
        "stopped": lambda place: Stopped(place, (Finding("code", text * 999),) * 50),
    }
    return [made[kind](place) for place in places]


@pytest.mark.parametrize("text", ["x", "\U0001f600", "\x00", "`"])
@pytest.mark.parametrize("kind", ["drifted", "equal", "unreadable", "stopped"])
def test_five_hundred_targets_fit_into_a_comment(kind, text):
    report = as_markdown.render("plan", "prod", list(crowd(500, kind, text)))

    assert len(report.encode("utf-16-le")) // 2 <= as_markdown.LONGEST < GITHUB


def test_what_is_left_out_is_counted_and_what_went_wrong_never_is():
    quiet, drifted = list(crowd(460, "equal")), list(crowd(30, "drifted"))
    lost = [Unreadable(Place(f"zz-{each}", "kibana"), "401 from Kibana") for each in range(10)]

    report = as_markdown.render("plan", "prod", [*quiet, *drifted, *lost])

    rows = [line for line in report.split("\n") if line.startswith("| `")]
    assert rows[:10] == [f"| `zz-{each}/kibana` | **not looked at** |  |  |  |  |  |" for each in range(10)]
    assert len([row for row in rows if "30 not" in row or "20 changes" in row]) == 30
    left = 500 - len(rows)
    assert (f"The table leaves out {left} targets of 500." in report) is bool(left)
    assert report.count("401 from Kibana") == 10
    assert report.count("<details>") == 40
    assert "# left out: " in report


def test_sections_for_which_there_is_no_room_are_counted():
    report = as_markdown.render("plan", "prod", list(crowd(300, "drifted", "y" * 300)))

    told = report.count("<details>")
    assert f"There was no room for the details of {300 - told} more targets." in report
    assert told > 5


def test_the_lines_left_out_of_a_target_are_counted():
    (outcome,) = crowd(1, "drifted", "y" * 300)

    report = as_markdown.render("plan", "prod", [outcome])

    whole = as_text.lines(outcome, "")
    shown = report.split("```diff\n")[1].split("\n```")[0].split("\n")
    assert shown[-1].startswith(f"# left out: {len(whole) - len(shown)} more lines of this target, among them ")


def test_a_report_reads_well(golden, repo_root):
    golden(repo_root / "tests/cases/report/plan.md", as_markdown.render("plan", "test", outcomes(" of ours @jo `x`")))


def test_no_target_at_all_is_said():
    assert "No target." in as_markdown.render("plan", "prod", [])
