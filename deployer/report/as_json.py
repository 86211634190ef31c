"""One JSON document per run, for scripts: `deployer/1`. Fields may be added, never removed."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deployer.accepted import Accepted
from deployer.diff import FieldChange
from deployer.drift import Difference
from deployer.errors import DeployerError
from deployer.errors import InvalidManifest
from deployer.exits import exit_code
from deployer.exits import weigh
from deployer.findings import Finding
from deployer.model import Acceptance
from deployer.origins import Origins
from deployer.outcome import FAILED
from deployer.outcome import Adopted
from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Backtested
from deployer.outcome import Drifted
from deployer.outcome import Kept
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Pulled
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.outcome import name
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.report import adopted
from deployer.report import backtest
from deployer.report import in_waves
from deployer.report import origins
from deployer.report import pulled
from deployer.saved import step
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Unmanaged
from deployer.waves import Went

SCHEMA = "deployer/1"

Document = dict[str, Any]


def render(
    verb: str,
    environment: str,
    outcomes: Sequence[Outcome],
    told: Mapping[str, Any] = {},
    waves: Sequence[Went] = (),
) -> str:
    """The document of a run over targets; `told` is what the verb has to say beyond them, or in place of them.

    `waves` is how each wave went.
    """
    return text(
        {
            "schema": SCHEMA,
            "verb": verb,
            "environment": environment,
            "exit_code": exit_code(outcomes, waves),
            **told,
            **in_waves.document(waves),
            "targets": [target(outcome) for outcome in outcomes],
            "summary": _summary(outcomes),
            **(told or {}),
        }
    )


def failure(verb: str, environment: str, error: DeployerError, told: Mapping[str, Any] = {}) -> str:
    """The document of a run that stopped before any target was looked at."""
    return text({**failed(verb, environment, error), **told, "targets": [], "summary": _summary(())})


def failed(verb: str, environment: str | None, error: DeployerError) -> Document:
    """What every document of a run that stopped at once begins with."""
    found = error.findings if isinstance(error, InvalidManifest) else ()
    return {
        "schema": SCHEMA,
        "verb": verb,
        "environment": environment,
        "exit_code": FAILED,
        "error": str(error),
        "findings": [finding(each) for each in found],
    }


def findings(
    environment: str | None,
    code: int,
    found: Sequence[Finding],
    without: Sequence[str] = (),
    blocklists: Sequence[tuple[str, int]] = (),
) -> str:
    """The document of `check`; `without` names what it could do without, and did. `blocklists` have their sizes."""
    return text(
        {
            "schema": SCHEMA,
            "verb": "check",
            "environment": environment,
            "exit_code": code,
            "findings": [finding(each) for each in found],
            "without": list(without),
            "blocklists": [{"path": path, "values": count} for path, count in blocklists],
        }
    )


def text(document: Mapping[str, Any]) -> str:
    """ASCII only: text from a live system can hold nothing that a terminal or a log would act on.

    Nor a pipeline: Azure Pipelines takes `##vso[` for a command anywhere in a line.
    """
    told = json.dumps(document, indent=2, default=_plain)
    return told.replace("##", "\\u0023\\u0023") + "\n"  # outside of texts JSON has no such character


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def target(outcome: Outcome, *, outline: bool = False) -> Document:
    """What the document says of one target; an `outline` is without its changes, and quickly made.

    `exit_code` and `fails_run` are what it makes of the exit code of the run, as `joint` has it.
    """
    weight = weigh(outcome)
    base: Document = {
        **_place(outcome.place),
        "outcome": name(outcome),
        "exit_code": weight.code,
        "fails_run": weight.decides,
        "changes": [],
        "carried": [],
        "unchanged": 0,
        "unmanaged": 0,
        "not_applicable": [],
        "findings": [],
    }
    match outcome:
        case Planned(plan=plan, kept=kept):
            made = {} if outline else _planned(outcome)
            return {**base, **_plan(plan), **made, "keeps": [_kept(one) for one in kept]}
        case Drifted(plan=plan, drift=drift):
            changes = [] if outline else [_difference(one) for one in drift.differences]
            remarks = [finding(each) for each in drift.findings]
            return {**base, **_plan(plan), "changes": changes, "findings": remarks}
        case Unreadable(error=error, platform=platform):
            return {**base, "error": error, "platform": platform}
        case Stopped(findings=found, platform=platform):
            return {**base, "findings": [finding(each) for each in found], "platform": platform}
        case Applied():
            return {**base, **_plan(outcome.plan), **({} if outline else _applied(outcome))}
        case Adopted():
            return {**base, **adopted.document(outcome)}
        case Pulled():
            return {**base, **pulled.document(outcome)}
        case Backtested():
            return {**base, **backtest.document(outcome)}
        case Verified():
            return {**base, **_verified(outcome)}


def _verified(outcome: Verified) -> Document:
    levels = [
        {
            **_key(level.key),
            "level": level.level,
            "answer": level.answer,
            "reason": level.reason,
            "setting": level.setting,
        }
        for level in outcome.levels
    ]
    runs_as = [
        {
            **_key(one.key),
            "owner": one.owner,
            "api_key": one.api_key,
            "warning": one.warning,
            "note": one.note,
        }
        for one in outcome.runs_as
    ]
    idle = [{"rule": item.rule, "reason": item.reason} for item in outcome.not_applicable]
    shown = {"emulated": outcome.place.emulated, "required": list(outcome.required), "levels": levels}
    shown["runs_as"] = runs_as
    return {**shown, "not_applicable": idle, **_unmanaged(outcome.unmanaged)}


def _planned(outcome: Planned) -> Document:
    plan = outcome.plan
    changes = [_change(one, outcome.origins) for one in plan.changes]
    return {"address": plan.address, "digest": plan.digest, "changes": changes}


def _applied(outcome: Applied) -> Document:
    done = [{**_change(change), "done": True} for change in outcome.done]
    failed = [
        {**_change(failure.change), "done": False, "tried": failure.tried, "error": failure.error}
        for failure in outcome.failures
    ]
    return {"digest": outcome.plan.digest, "changes": [*done, *failed]}


def _plan(plan: Plan) -> Document:
    return {
        "platform": plan.platform,
        "carried": [{**_key(key), "names": list(names)} for key, names in plan.carried],
        "unchanged": len(plan.unchanged),
        **_unmanaged(plan.unmanaged),
        "not_applicable": [{"rule": item.rule, "reason": item.reason} for item in plan.not_applicable],
        "notes": [{**_key(key), "note": note} for key, note in plan.notes],
        "waiting": [{**_key(key), "note": note} for key, note in plan.waiting],
        "accepted": [_accepted(one) for one in plan.accepted],
        "accepted_in_vain": [_in_vain(acceptance, path) for acceptance, path in plan.idle],
        "remarks": [{**_key(key), "remark": remark} for key, remark in plan.remarks],
    }


def _accepted(one: Accepted) -> Document:
    said = one.acceptance
    told = {"path": one.field.path, "live": one.field.before, "git": one.field.after}
    return {**_key(one.key), **told, "until": said.until, "reason": said.reason, "owner": said.owner}


def _in_vain(said: Acceptance, path: str) -> Document:
    where = said.location
    return {"object": said.object, "path": path, "accepted_at": {"path": where.path, "line": where.line}}


def _kept(one: Kept) -> Document:
    told = origins.document(one.origin) if one.origin else None
    return {**_key(one.key), "path": ".".join(one.path), "value": one.value, "origin": told}


def _unmanaged(objects: Sequence[Unmanaged]) -> Document:
    named = [{"kind": one.kind, "id": one.id, "name": one.name, "note": one.note} for one in objects]
    return {"unmanaged": len(objects), "unmanaged_objects": named}


def _difference(one: Difference) -> Document:
    """A change with what was found out about it."""
    told = {"cause": one.cause, "edited_by": one.by, "edited_at": one.at, "note": one.note, "source": one.source}
    return {**_change(one.change), **told}


def _change(change: Change, told: Origins | None = None) -> Document:
    live = None if isinstance(change, Create) else change.live
    resource = change.live if isinstance(change, Delete) else change.desired
    made = step(change)
    return {
        "action": change.action,
        **_key(change.key),
        "name": resource.known_as if change.key.kind is Kind.RULE else resource.name,
        # scripts know six causes; that a change undoes a run is what the verb says
        "cause": Cause.PENDING if change.cause is Cause.ROLLBACK else change.cause,
        "fields": [_field(change, field, told) for field in change.fields],
        "edited_by": live.edited_by if live else None,
        "edited_at": live.edited_at if live else None,
        "blocked": change.blocked,
        "reason": _reason(change),
        "retires": isinstance(change, Update) and change.retires,
        "made_from": {"action": made.action, "live": made.live, "desired": made.desired},
    }


def _field(change: Change, field: FieldChange, told: Origins | None) -> Document:
    said = {"path": field.path, "before": field.before, "after": field.after}
    return {**said, "origin": origins.field_document(change, field, told)} if told else said


def _reason(change: Change) -> str | None:
    return change.reason if isinstance(change, Update | Delete) else None


def _key(key: Key) -> Document:
    return {"kind": key.kind, "id": key.id}


def _place(place: Place) -> Document:
    return {"tenant": place.tenant, "target": place.target}


def finding(found: Finding) -> Document:
    """A finding and its place."""
    where = found.location
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "path": where.path if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
    }


def _summary(outcomes: Sequence[Outcome]) -> Document:
    plans = [outcome.plan for outcome in outcomes if isinstance(outcome, Planned | Drifted | Applied)]
    changes = [change for outcome in outcomes for change in _counted(outcome)]
    return {
        **{action: sum(change.action == action for change in changes) for action in _ACTIONS},
        "unchanged": sum(len(plan.unchanged) for plan in plans),
        "unmanaged": sum(len(plan.unmanaged) for plan in plans),
        "unreadable": sum(isinstance(outcome, Unreadable) for outcome in outcomes),
        "failed": sum(_failures(outcome) for outcome in outcomes),
        "rules": sum(change.key.kind is Kind.RULE for change in changes)
        + sum(key.kind is Kind.RULE for plan in plans for key in plan.unchanged)
        + sum(len(_verified_rules(outcome)) for outcome in outcomes if isinstance(outcome, Verified))
        + sum(len(outcome.trials) for outcome in outcomes if isinstance(outcome, Backtested)),
        **_causes(outcomes),
    }


def _causes(outcomes: Sequence[Outcome]) -> Document:
    """Of `drift`: how many objects differ for which cause."""
    seen = [outcome for outcome in outcomes if isinstance(outcome, Drifted)]
    weighed = [one for outcome in seen for one in outcome.drift.differences]
    causes = [cause for cause in Cause if cause is not Cause.ROLLBACK]
    return {cause: sum(one.cause is cause for one in weighed) for cause in causes} if seen else {}


def _failures(outcome: Outcome) -> int:
    """Stopped targets, changes that failed, targets that fail a required level."""
    match outcome:
        case Applied(failures=failures):
            return len(failures)
        case Verified():
            return int(outcome.worst() is Answer.FAIL)
        case Backtested():
            return sum(bool(trial.error) for trial in outcome.trials)
        case _:
            return int(isinstance(outcome, Stopped))


def _verified_rules(outcome: Verified) -> set[Key]:
    return {level.key for level in outcome.levels if level.key.kind is Kind.RULE}


def _counted(outcome: Outcome) -> Sequence[Change]:
    """What was planned, or, of an apply, what was done."""
    match outcome:
        case Planned(plan=plan) | Drifted(plan=plan):
            return plan.changes
        case Applied(done=done):
            return done
        case _:
            return ()


_ACTIONS = ("create", "update", "delete", "claim")
