"""A query as a target is to get it: what is wrong only there is said with the target, at a line of the rule's file."""

from dataclasses import replace

from deployer.check import sentinel
from deployer.check.workbench import Workbench
from tests import subjects

FILE = """let Names = dynamic([]);
let Scoped = (Host:string) { false };
DeviceNetworkEvents
| where DeviceName !in (Names) and not(Scoped(DeviceName))
"""
BROKEN = FILE.replace("{ false }", "{ Host == 'a'\n    or Hsot == 'b' }").replace("[]", '[\n"a",\n"b"]')


def tuned(query, seen=None):
    subject = replace(subjects.sentinel(FILE), target="acme/sentinel")
    bench = Workbench(lambda: None)
    return [str(each) for each in sentinel.tuned(subject, query, bench, set() if seen is None else seen)]


def test_what_is_wrong_only_there_is_said_with_the_target():
    assert tuned(FILE) == []
    [finding] = tuned(BROKEN)
    assert finding == (
        "rules/example/sentinel.kql:2:1: error: example: as acme/sentinel would get it: there is no column Hsot here "
        "[query-invalid]"
    )


def test_a_form_that_was_compiled_is_not_compiled_again():
    seen: set[tuple[str, ...]] = set()

    assert (len(tuned(BROKEN, seen)), tuned(BROKEN.replace("'b'", "'c'"), seen)) == (1, [])


def test_where_the_rule_itself_is_at_fault_or_cannot_be_made_nothing_more_is_said():
    assert tuned(None) == []
    own = "let A = 1;\nDeviceNetworkEvents | where Odd == A"
    wrong = replace(subjects.sentinel(own), target="acme/sentinel")
    bench = Workbench(lambda: None)

    assert list(sentinel.tuned(wrong, own.replace("A = 1", "A = Nowhere"), bench, set())) == []
