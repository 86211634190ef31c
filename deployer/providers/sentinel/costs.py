"""How many requests a change of an object in a workspace takes. Pure.

Every write stands between two looks at the object (`base.carry_out`), a create, too: ARM's is an upsert.
"""

from deployer.plan import Plan
from deployer.staging import steps
from deployer.state import Kind
from deployer.tally import Ahead


def cost(plan: Plan) -> Ahead:
    """All of a plan's changes. Of watchlists the least: Azure works them in by itself, and is asked until it has."""
    changes = [step.change for step in steps(plan.changes) if not step.change.blocked]
    return sum((Ahead(2, 1, least=one.key.kind is Kind.WATCHLIST) for one in changes), Ahead())
