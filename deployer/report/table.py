"""The table of a run in Markdown: a row for each target, with its outcome in words of ours, and its numbers.

Of `verify` they are those of the levels, of the other verbs those of the changes.
"""

from collections.abc import Sequence

from deployer.exits import not_begun
from deployer.outcome import LEVELS
from deployer.outcome import Adopted
from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Backtested
from deployer.outcome import Drifted
from deployer.outcome import Outcome
from deployer.outcome import Planned
from deployer.outcome import Pulled
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.plan import Cause
from deployer.plan import Change
from deployer.report import backtest
from deployer.report import drifted
from deployer.report import pulled
from deployer.report.wording import count

NOT_PENDING = (Cause.DRIFT, Cause.BOTH, Cause.UNCLAIMED, Cause.CONFLICT, Cause.UNKNOWN)
"""What Git alone has not changed."""
_ACTIONS = ("create", "update", "delete", "claim")


def rows(verb: str, outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The head, then the cells of each target. The first, which names it, is the only one with text from outside."""
    if verb == "verify":
        names = _levels(outcomes)
        titles = [_title(name, outcomes) for name in names]
        numbers = [_answers(outcome, names) for outcome in outcomes]
    else:
        titles = [*_ACTIONS, "unchanged"]
        numbers = [_changes(outcome) for outcome in outcomes]
    told = ([str(one.place), _said(one), *cells] for one, cells in zip(outcomes, numbers, strict=True))
    return [["target", "outcome", *titles], *told]


def _levels(outcomes: Sequence[Outcome]) -> list[str]:
    """Those that some object of the run was asked."""
    asked = {level.level for outcome in outcomes if isinstance(outcome, Verified) for level in outcome.levels}
    return [name for name in LEVELS if name in asked]


def _title(name: str, outcomes: Sequence[Outcome]) -> str:
    required = {each for outcome in outcomes if isinstance(outcome, Verified) for each in outcome.required}
    return name if name in required else f"{name} (not required)"


def _answers(outcome: Outcome, names: Sequence[str]) -> list[str]:
    """How many of its objects answer what: `7 pass, 1 fail`."""
    if not isinstance(outcome, Verified):
        return [""] * len(names)
    return [_tally([level.answer for level in outcome.levels if level.level == name]) for name in names]


def _tally(answers: Sequence[Answer]) -> str:
    numbers = ((answers.count(answer), answer) for answer in (Answer.PASS, Answer.FAIL, Answer.UNKNOWN))
    return ", ".join(f"{number} {answer}" for number, answer in numbers if number)


def _changes(outcome: Outcome) -> list[str]:
    match outcome:
        case Planned(plan=plan) | Drifted(plan=plan):
            return [*_counts(plan.changes), str(len(plan.unchanged))]
        case Applied(plan=plan, done=done):
            return [*_counts(done), str(len(plan.unchanged))]
        case _:
            return [""] * (len(_ACTIONS) + 1)


def _counts(changes: Sequence[Change]) -> list[str]:
    numbers = [sum(change.action == action for change in changes) for action in _ACTIONS]
    return [str(number) if number else "" for number in numbers]


def _said(outcome: Outcome) -> str:
    """The outcome in words of ours."""
    match outcome:
        case Unreadable():
            return "**not looked at**"
        case Stopped() if not_begun(outcome):
            return "not begun"
        case Stopped(refused=refused):
            return "**refused**" if refused else "**stopped**"
        case Drifted():
            found = outcome.drift.found or outcome.drift.untold
            return f"**{drifted.sentence(outcome)}**" if found else "no drift"
        case Planned(plan=plan):
            moved = sum(change.cause in NOT_PENDING for change in plan.changes)
            if moved:
                return f"**{count(len(plan.changes), 'change')}**, {moved} not of Git's making"
            return count(len(plan.changes), "change") if plan.changes else "no changes"
        case Applied(done=done, failures=failures):
            if failures:
                return f"**{len(failures)} failed or not tried**, {count(len(done), 'change')} made"
            return f"{count(len(done), 'change')} made" if done else "nothing to do"
        case Adopted():
            return "looked at for rules to adopt"
        case Pulled():
            return f"**{pulled.sentence(outcome)}**" if outcome.code else pulled.sentence(outcome)
        case Backtested():
            return f"**{backtest.sentence(outcome)}**" if outcome.code else backtest.sentence(outcome)
        case Verified():
            word = "emulated" if outcome.place.emulated else "verified"
            worst = outcome.worst()
            return word if worst is Answer.PASS else f"**{worst}**"
