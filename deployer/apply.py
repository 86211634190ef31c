"""Carry out a plan, change by change, in its order. What an object needs must be in place before it is written."""

from deployer.errors import Denied
from deployer.errors import ProviderError
from deployer.outcome import Applied
from deployer.outcome import Failure
from deployer.outcome import Place
from deployer.plan import Change
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.providers.base import Provider
from deployer.state import Key
from deployer.state import Kind


def apply(place: Place, plan: Plan, provider: Provider) -> Applied:
    """Every change is done, failed or not tried.

    A refused credential ends the target, any other failure only what needs the object.
    """
    done: list[Change] = []
    failures: list[Failure] = []
    denied = _unready(plan, provider)
    for change in plan.changes:
        reason = denied or _hindrance(change, failures)
        if reason:
            failures.append(Failure(change, reason, tried=False))
            continue
        try:
            provider.apply(change)
        except ProviderError as error:
            failures.append(Failure(change, str(error)))
            if isinstance(error, Denied):
                denied = "not tried: the credential was refused before"
        else:
            done.append(change)
    return Applied(place, plan, tuple(done), tuple(failures))


def _unready(plan: Plan, provider: Provider) -> str | None:
    """Why the target cannot take any write; not asked when there is none to make."""
    if all(change.blocked for change in plan.changes):
        return None
    try:
        provider.ready(plan)
    except ProviderError as error:
        return str(error)
    return None


def _hindrance(change: Change, failures: list[Failure]) -> str | None:
    """Why a change must not even be tried: fail closed."""
    if change.blocked:
        return change.blocked
    failed = {failure.change.key for failure in failures}
    if isinstance(change, Delete):
        rules = sorted(key for key in failed if key.kind is Kind.RULE)
        if rules and change.key.kind in (Kind.LIST, Kind.DATA_VIEW):
            return f"not tried: {rules[0]} may still use it and could not be written"
        return None
    missing = sorted(key for key in change.desired.needs if key in failed)
    return f"not tried: it needs {_names(missing)}, which could not be written" if missing else None


def _names(keys: list[Key]) -> str:
    return ", ".join(map(str, keys[:3])) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
