"""The report of `test`: every case by name, for people and for scripts."""

from collections.abc import Iterator
from collections.abc import Sequence
from itertools import groupby

from deployer.errors import DeployerError
from deployer.outcome import DONE
from deployer.outcome import FAILED
from deployer.report import as_json
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.ruletests.outcomes import Outcome
from deployer.ruletests.outcomes import Report
from deployer.ruletests.outcomes import Tested

_WIDTH = max(map(len, Outcome))


def exit_code(report: Report) -> int:
    """1 where a case failed. A case that was not run is no failure, and no success either: the report names it."""
    return FAILED if any(case.outcome is Outcome.FAILED for case in report.cases) else DONE


def render(report: Report) -> str:
    """Cases grouped by rule and platform, the reason below each that did not pass, then what is not shown at all."""
    lines: list[str] = []
    for rule, of_rule in groupby(report.cases, key=lambda case: case.rule):
        lines.append(rule)
        for platform, cases in groupby(of_rule, key=lambda case: case.platform):
            lines.append(f"  {platform}")
            lines += [line for case in cases for line in _case(case)]
        lines.append("")
    lines += [plain(str(finding)) for finding in report.findings]
    lines += [""] if report.findings else []
    return "\n".join([*lines, _summary(report)]) + "\n"


def document(report: Report) -> str:
    """The same for scripts."""
    return as_json.text(
        {
            "schema": as_json.SCHEMA,
            "verb": "test",
            "environment": None,
            "exit_code": exit_code(report),
            "cases": [
                {
                    "rule": case.rule,
                    "platform": case.platform,
                    "name": case.name,
                    "outcome": case.outcome,
                    "reason": case.reason,
                    "path": case.location.path,
                    "line": case.location.line,
                }
                for case in report.cases
            ],
            "findings": [as_json.finding(finding) for finding in report.findings],
        }
    )


def failure(error: DeployerError) -> str:
    """The document of a run that stopped before any case."""
    return as_json.text({**as_json.failed("test", None, error), "cases": []})


def tally(cases: Sequence[Tested]) -> dict[Outcome, int]:
    """How many cases had each outcome."""
    return {outcome: sum(case.outcome is outcome for case in cases) for outcome in Outcome}


def _case(case: Tested) -> Iterator[str]:
    where = f" ({case.location})" if case.outcome is Outcome.FAILED else ""
    yield f"    {case.outcome:<{_WIDTH}}  {plain(case.name)}{where}"
    if case.reason:
        yield from (f"      {'':<{_WIDTH}}{plain(line)}" for line in case.reason.split("\n"))


def _summary(report: Report) -> str:
    if not report.cases:
        return f"No case. Looked at {count(len(report.rules), 'rule')}."
    counts = ", ".join(f"{number} {outcome}" for outcome, number in tally(report.cases).items())
    with_cases = len({case.rule for case in report.cases})
    return f"{count(len(report.cases), 'case')} of {count(with_cases, 'rule')}: {counts}."
