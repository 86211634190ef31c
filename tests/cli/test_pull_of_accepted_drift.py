"""pull where drift was accepted before: other acceptances stay as they are, and one that has run out is no dead end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.emulator import Emulator
from tests.cli.test_pull import Acme

ANEW = ("--accept-until", "2099-12-31", "--reason", "Trial B", "--owner", "jo@acme.example")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def acme(root: Path, emulator: Emulator, deployer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Acme:
    """Its rule `query` runs every 8 minutes live, which is no longer what Git says."""
    monkeypatch.setenv("SITE_KIBANA_KEY", "cGxhbnRlZDpTM2NyM3RLZXlPZkFjbWU=")
    monkeypatch.setenv("SITE_ARM_TOKEN", "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6InBpcGVsaW5lIn0.cGxhbnRlZC10b2tlbg")
    made = Acme(root, emulator, deployer)
    made.apply("--rule", "query")
    made.edit_rule("query", interval="8m")
    return made


def accepted(acme: Acme, **change: Any) -> None:
    entry = {
        "object": "rule/query", "target": "kibana", "fields": {"interval": "8m"}, "until": "2030-01-31",
        "reason": "Trial A", "owner": "ann", **change,
    }  # fmt: skip
    entry = {name: value for name, value in entry.items() if value is not None}
    said = "".join(f"    {line}\n" for line in yaml.safe_dump(entry, sort_keys=False).splitlines())
    acme.text += f"accepted:   # by the SOC\n  -{said[3:]}"
    acme.file.write_text(acme.text)


def entries(acme: Acme) -> Any:
    return yaml.safe_load(acme.file.read_text()).get("accepted")


def test_what_was_accepted_for_another_reason_keeps_its_day_its_reason_and_its_owner(acme: Acme) -> None:
    accepted(acme)
    acme.edit_rule("query", max_signals=9)

    assert acme.pull("--rule", "query", *ANEW).code == 0

    first, second = entries(acme)
    assert first == {
        "object": "rule/query", "target": "kibana", "fields": {"interval": "8m"}, "until": "2030-01-31",
        "reason": "Trial A", "owner": "ann",
    }  # fmt: skip
    assert (second["fields"], second["reason"], second["owner"]) == ({"max_signals": 9}, "Trial B", "jo@acme.example")
    assert acme.deployer("drift", "live", "--rule", "query").code == 0


def test_a_field_accepted_anew_leaves_the_entry_that_it_was_in(acme: Acme) -> None:
    accepted(acme, fields={"interval": "7m", "max_signals": 9})
    acme.edit_rule("query", max_signals=9)

    assert acme.pull("--rule", "query", *ANEW).code == 0
    assert [(one["fields"], one["reason"]) for one in entries(acme)] == [
        ({"max_signals": 9}, "Trial A"),
        ({"interval": "8m"}, "Trial B"),
    ]


@pytest.mark.parametrize("written", [False, True], ids=["as it was", "written meanwhile"])
def test_an_acceptance_that_has_run_out_is_renewed(acme: Acme, written: bool) -> None:
    """A write of another field puts the accepted value under our mark: it must not be taken for Git's change then."""
    accepted(acme, until="2026-01-31")
    if written:
        acme.text += "# more\n"
        acme.text = acme.text.replace("overlay:\n", "overlay:\n  query:\n    kibana: {max_signals: 9}\n", 1)
        acme.file.write_text(acme.text)
        acme.apply("--rule", "query")
    assert acme.deployer("drift", "live", "--rule", "query").code == 2

    assert acme.pull("--rule", "query", *ANEW).code == 0

    [entry] = entries(acme)
    assert (entry["fields"], str(entry["until"]), entry["reason"]) == ({"interval": "8m"}, "2099-12-31", "Trial B")
    assert acme.deployer("drift", "live", "--rule", "query").code == 0


@pytest.mark.parametrize("written", [False, True], ids=["as it was", "written meanwhile"])
def test_an_acceptance_that_has_run_out_is_pulled_and_goes(acme: Acme, written: bool) -> None:
    accepted(acme, until="2026-01-31")
    if written:
        acme.text = acme.text.replace("overlay:\n", "overlay:\n  query:\n    kibana: {max_signals: 9}\n", 1)
        acme.file.write_text(acme.text)
        acme.apply("--rule", "query")

    assert acme.pull("--rule", "query").code == 0

    assert entries(acme) is None
    assert yaml.safe_load(acme.file.read_text())["overlay"]["query"]["kibana"]["interval"] == "8m"
    drift = acme.deployer("drift", "live", "--rule", "query")
    assert (drift.code, "accepted" in drift.out) == (0, False)


def test_one_that_speaks_of_every_target_is_left_and_the_way_out_is_said(acme: Acme) -> None:
    accepted(acme, until="2026-01-31", target=None)

    pulled = acme.pull("--rule", "query")

    assert (pulled.code, acme.difference()) == (1, [])
    assert "it was accepted at every target until 2026-01-31: give that entry" in pulled.out


def test_a_day_still_to_come_keeps_a_field_from_being_pulled(acme: Acme) -> None:
    accepted(acme)

    assert acme.pull("--rule", "query").code == 0
    assert acme.difference() == []


def test_what_does_not_show_is_spelled_out_in_the_file(acme: Acme) -> None:
    """A mark that turns the direction of reading would show a reviewer something else than the file says."""
    acme.edit_rule("query", interval="5m", description="Every \u202ehour\u202c é")

    assert acme.pull("--rule", "query", *ANEW).code == 0
    assert acme.file.read_text().isascii()
    assert entries(acme)[0]["fields"] == {"description": "Every \u202ehour\u202c é"}
    assert acme.plan() == [one for one in acme.plan() if one[0] == "create"]


def test_the_lines_to_write_by_hand_are_lines(acme: Acme) -> None:
    """A block that keeps the empty lines behind it would lose them to a key that is put there."""
    acme.text += "  eql:\n    kibana:\n      setup: |+\n        Once.\n\n\n"
    acme.file.write_text(acme.text)

    pulled = acme.pull("--rule", "query")

    assert (pulled.code, acme.difference()) == (1, [])
    assert "by hand:\n      overlay:\n        query:\n          kibana: {interval: 8m}\n" in pulled.out
