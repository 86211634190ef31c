"""How much one run may change in a target: a plan that goes beyond it is refused before any write."""

from collections.abc import Callable

from deployer.errors import UnsafePlan
from deployer.model import Limits
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.state import Kind


def check_limits(plan: Plan, limits: Limits) -> None:
    """Raise `UnsafePlan` when the plan deletes or rewrites more rules than allowed. Blocked changes do not count.

    To switch off a rule that is no longer in Git is the first step of its delete, and counts as one; the second, when
    its grace is over, does not count again.
    """
    deletes = sum(_counts(change) and _deletes(change) for change in plan.changes)
    allowed = max(limits.deletes, plan.owned_rules * limits.delete_share // 100)
    if deletes > allowed:
        raise UnsafePlan(
            f"would delete {deletes} of {plan.owned_rules} owned rules ({_names(plan, _deletes)}), "
            f"the limit is {allowed} (limits.deletes {limits.deletes}, limits.delete_share {limits.delete_share} %). "
            f"Pass --allow-deletes {deletes} if that is meant."
        )
    updates = sum(
        _counts(change) and isinstance(change, Update | Claim) and not _deletes(change) for change in plan.changes
    )
    if updates > limits.updates:
        raise UnsafePlan(
            f"would update {updates} rules, the limit is {limits.updates} (limits.updates). "
            f"Pass --allow-updates {updates} if that is meant."
        )


def _names(plan: Plan, counted: Callable[[Change], bool]) -> str:
    names = [change.key.id for change in plan.changes if _counts(change) and counted(change)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _counts(change: Change) -> bool:
    return change.key.kind is Kind.RULE and not change.blocked


def _deletes(change: Change) -> bool:
    return (isinstance(change, Delete) and not change.agreed) or (isinstance(change, Update) and change.retires)
