"""The table of `verify` in Markdown holds the levels; that of the other verbs the changes."""

from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.outcome import Place
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.report import as_markdown
from deployer.state import Key
from deployer.state import Kind

PASS, FAIL, UNKNOWN = Answer.PASS, Answer.FAIL, Answer.UNKNOWN


def verified(name, **answers):
    levels = [
        Level(Key(Kind.RULE, f"r{number}"), level, answer, "" if answer is PASS else "why")
        for level, several in answers.items()
        for number, answer in enumerate(several)
    ]
    return Verified(Place(name, "kibana"), tuple(levels), ("present", "equal"))


def table(verb, *outcomes):
    page = as_markdown.render(verb, "prod", outcomes)
    return [line for line in page.splitlines() if line.startswith("|")]


def test_the_table_of_verify_says_of_each_level_how_many_objects_pass_fail_or_cannot_be_told():
    acme = verified("acme", present=[PASS] * 3, equal=[PASS, FAIL, PASS], ran=[UNKNOWN, FAIL])
    globex = verified("globex", present=[PASS], equal=[PASS])

    assert table("verify", globex, acme, Unreadable(Place("zorg", "kibana"), "401")) == [
        "| target | outcome | present | equal | ran (not required) |",
        "|---|---|--:|--:|--:|",
        "| `zorg/kibana` | **not looked at** |  |  |  |",
        "| `acme/kibana` | **fail** | 3 pass | 2 pass, 1 fail | 1 fail, 1 unknown |",
        "| `globex/kibana` | verified | 1 pass | 1 pass |  |",
    ]


def test_where_nothing_was_asked_there_are_no_columns_for_it():
    assert table("verify", Unreadable(Place("zorg", "kibana"), "401"))[:2] == ["| target | outcome |", "|---|---|"]
    assert table("drift", Unreadable(Place("zorg", "kibana"), "401"))[0].endswith("| claim | unchanged |")
