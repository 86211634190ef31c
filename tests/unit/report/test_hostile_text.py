"""Text from a live system is shown, and never interpreted."""

import json
from dataclasses import replace

import pytest

from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Unreadable
from deployer.plan import make_plan
from deployer.report import as_json
from deployer.report import as_text
from tests import make

HOSTILE = {
    "terminal": "\x1b[2J\x1b]0;owned\x07",
    "carriage return": "fine\rgone",
    "workflow command": "x\n::add-mask::secret\n::error::boo",
    "8-bit control": "\x9b31m",
    "reading direction": "\u202egnp.exe",
    "line separator": "a\u2028::error::b",
    "markup": "[bold red]@everyone[/] <script>",
}


def outcomes(text):
    wanted = make.resource(body={"name": "x", "list": ["a"], "query": "one\ntwo"})
    body = {"name": text, "list": [text], "query": f"one\n{text}", text: "unknown"}
    found = replace(wanted, body=body, mark=make.marked(wanted), edited_by=text, carried={text: "x"})
    plan = make_plan(make.desired(wanted), make.live(found))
    return [Planned(Place("acme", "kibana"), plan), Unreadable(Place("acme", "sentinel"), f"400: {text}")]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_report_holds_no_control_character_and_no_line_that_begins_with_foreign_text(text):
    report = as_text.render(outcomes(text))

    for line in report.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.lstrip().startswith("::")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_is_ascii_and_gives_the_text_back(text):
    report = as_json.render("plan", "test", outcomes(text))

    assert report.isascii()
    assert not any(line.lstrip().startswith("::") for line in report.split("\n"))
    (change,) = json.loads(report)["targets"][0]["changes"]
    assert {"path": "name", "before": text, "after": "x"} in change["fields"]
