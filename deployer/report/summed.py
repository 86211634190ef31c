"""What a report says of all targets of a JSON document: in the words of the run that would have written it whole."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from deployer.drift import LAPSED
from deployer.outcome import DONE
from deployer.outcome import FAILED
from deployer.outcome import PARTIAL
from deployer.outcome import Answer
from deployer.report import as_text
from deployer.report import backtest
from deployer.report import drifted
from deployer.report.complete import is_stopped
from deployer.waves import CODE

Document = Mapping[str, Any]

_ANSWERS = {DONE: Answer.PASS, FAILED: Answer.FAIL, PARTIAL: Answer.UNKNOWN}
"""By what a target that was verified makes of the exit code."""


def lines(document: Document) -> Iterator[str]:
    """What came of it, what was not looked at, what was not begun and what was stopped."""
    targets = document["targets"]
    there = [target for target in targets if not _is_file(target)]
    stopped = [target for target in there if is_stopped(target)]
    later = sum(any(one["code"] == CODE for one in target["findings"]) for target in stopped)
    lost = sum(target["outcome"] == "unreadable" for target in there)
    seen, files = len(there) - len(stopped) - lost, len(targets) - len(there)
    counted = as_text.Count(seen, lost, later, len(stopped) - later, files)
    return as_text.summed(counted, _came(document["verb"], targets, counted.unseen + files))


def _is_file(target: Document) -> bool:
    """Whether it is a tenant's file that cannot be used, and tells of no target."""
    return target["target"] is None and (target["outcome"] == "unreadable" or is_stopped(target))


def _came(verb: str, targets: Sequence[Document], unseen: int) -> str:
    """Empty where there is nothing of which anything came."""
    if tried := [target for target in targets if "could_go" in target]:
        return f": {_backtested(tried)}"
    if verified := [target for target in targets if "levels" in target]:
        answers = [_ANSWERS[target["exit_code"]] for target in verified]
        return as_text.verdict(answers, verified[0]["required"], unseen)
    seen = [target for target in targets if target["outcome"] != "unreadable" and not is_stopped(target)]
    planned = [target for target in seen if "taken" not in target and "adoptions" not in target]
    if not planned:
        return ""
    return f": {_drifted(planned) if verb == 'drift' else _changes(planned)}"


def _drifted(targets: Sequence[Document]) -> str:
    return drifted.words(
        [change["cause"] for target in targets for change in target["changes"]],
        accepted=sum(len({(one["kind"], one["id"]) for one in target.get("accepted") or ()}) for target in targets),
        lapsed=sum(any(one["code"] == LAPSED for one in target["findings"]) for target in targets),
        unchanged=sum(target["unchanged"] for target in targets),
    )


def _changes(targets: Sequence[Document]) -> str:
    changes = [change for target in targets for change in target["changes"]]
    return as_text.changed(
        [change["action"] for change in changes if change.get("done") is not False],
        done=any("done" in change and change["done"] is not None for change in changes),
        failures=sum(change.get("done") is False for change in changes),
        unchanged=sum(target["unchanged"] for target in targets),
    )


def _backtested(targets: Sequence[Document]) -> str:
    rules = [rule for target in targets for rule in target["rules"]]
    ran = [rule for rule in rules if rule["alerts"]]
    return backtest.words(
        ran=len(ran),
        whole=all(rule["whole"] for rule in ran),
        found=sum(rule["alerts"]["with"] for rule in ran),
        bare=sum(rule["alerts"]["without"] for rule in ran),
        lost=sum(bool(rule["error"]) for rule in rules),
        asked=(sum(rule["previews"] for rule in rules), sum(rule["requests"] for rule in rules)),
    )
