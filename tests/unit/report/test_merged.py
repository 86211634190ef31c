"""Reports that are made from documents: what live systems say is as harmless as in the report of a run."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings

from deployer.outcome import Applied
from deployer.outcome import Drifted
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.report import as_json
from deployer.report import as_text
from deployer.report import merged
from deployer.report import summed
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


@pytest.mark.parametrize("kinds", [Planned, Drifted, Applied, Verified, ()])
def test_a_document_is_summed_up_in_the_words_of_its_run(kinds):
    """Also with what was not looked at and what was stopped, and of a document that is sound all in all."""
    said = [one for one in outcomes("y") if isinstance(one, (kinds, Unreadable, Stopped) if kinds else ())]
    verb = "drift" if kinds is Drifted else "apply"
    file = Given.read("x", as_json.render(verb, "x", said))

    assert len({type(one) for one in said}) == (3 if kinds else 0)
    assert file.fault == ""
    assert list(summed.lines(file.document)) == as_text.summary(said)


def test_every_target_of_the_shards_is_in_the_whole():
    told = json.loads(as_json.render("plan", "test", outcomes("y")))["targets"]

    assert sorted(map(json.dumps, document("y")["targets"])) == sorted(map(json.dumps, told))
