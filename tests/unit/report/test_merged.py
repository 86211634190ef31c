"""Reports that are made from documents: what live systems say is as harmless as in the report of a run."""

import json
import unicodedata

from hypothesis import given
from hypothesis import settings

from deployer.report import as_json
from deployer.report import merged
from deployer.report.given import Given
from deployer.report.merging import merge
from tests.unit.report.test_markdown import HOSTILE
from tests.unit.report.test_markdown import UNPRINTABLE
from tests.unit.report.test_markdown import outcomes
from tests.unit.report.test_markdown import skeleton

BEGAN = "2026-11-22T06:00:00+00:00"


def document(text, verb="plan"):
    """The first of two shards, with `text` wherever text comes from outside, and a second one that is damaged."""
    told = {"error": f"x{text}", "shard": {"index": 1, "of": 3, "git": "", "ci_run": None, "began": BEGAN}}
    first = as_json.render(verb, f"x{text}", outcomes(text), told)
    return merge([Given.read(f"x{text}", first), Given.read(f"x{text}", "{")])


@given(HOSTILE)
@settings(max_examples=30)
def test_text_from_documents_changes_nothing_but_what_stands_in_code(text):
    (comment, *page) = skeleton(merged.markdown(document(text)))

    assert comment[0] == "comment"
    assert page == skeleton(merged.markdown(document("")))[1:]


@given(HOSTILE)
@settings(max_examples=30)
def test_no_line_holds_a_control_character_or_begins_as_a_workflow_command(text):
    for report in (merged.text(document(text)), merged.markdown(document(text))):
        for line in report.split("\n"):
            assert not {unicodedata.category(each) for each in line} & UNPRINTABLE, ascii(line)
            assert not line.lstrip().startswith("::")
            assert "##[" not in line


def test_every_target_of_the_shards_is_in_the_whole():
    told = json.loads(as_json.render("plan", "test", outcomes("y")))["targets"]

    assert sorted(map(json.dumps, document("y")["targets"])) == sorted(map(json.dumps, told))
