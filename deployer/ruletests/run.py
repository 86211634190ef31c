"""Running cases: what would be deployed, on the engine of its platform, against what is expected."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime

from deployer.cases import Case
from deployer.engines.rows import Row
from deployer.errors import BadEvents
from deployer.errors import BadQuery
from deployer.errors import CannotEncode
from deployer.errors import CannotStart
from deployer.errors import NotRunnable
from deployer.model import Category
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.ruletests import deployed
from deployer.ruletests.compare import Found
from deployer.ruletests.compare import difference
from deployer.ruletests.expand import expand
from deployer.ruletests.outcomes import Outcome
from deployer.ruletests.outcomes import Tested
from deployer.state import DesiredState

_NOT_HERE = "cannot run here: "


def run_case(case: Case, rule: Rule, platform: Platform, categories: Mapping[str, Category]) -> Tested:
    """One case on one platform that it and the rule have a half for.

    Raises `CannotStart` where the engines are not installed.
    """
    outcome, reason = _answer(case, rule, platform, categories)
    where = case.halves[platform].location if outcome is Outcome.FAILED else case.location
    return Tested(rule.id, platform, case.name, outcome, reason, where)


def _answer(case: Case, rule: Rule, platform: Platform, categories: Mapping[str, Category]) -> tuple[Outcome, str]:
    find = _engine(platform)
    half = rule.on(platform)
    if half is None:
        raise ValueError(f"{rule.id} has no {platform} half")
    try:
        state = deployed.desired(rule, case, platform, categories)
        found = find(state, half, expand(case.halves[platform].events, platform), case.now)
    except NotRunnable as error:
        return Outcome.NOT_RUN, _NOT_HERE + str(error).removeprefix(_NOT_HERE)
    except BadQuery as error:
        place = f"line {error.line}, column {error.column}: " if error.line else ""
        return Outcome.FAILED, f"the query is refused: {place}{error}"
    except BadEvents as error:
        return Outcome.FAILED, f"the events do not fit: {error}"
    except CannotEncode as error:
        return Outcome.FAILED, "\n".join(["the rule cannot be deployed like this:", *map(str, error.findings)])
    except Exception as error:  # noqa: BLE001 - a fault of ours in one case must not hide the others
        return Outcome.FAILED, f"internal error, please report it: {type(error).__name__}: {error}"
    reason = difference(case.halves[platform].matches, found)
    return (Outcome.FAILED, reason) if reason else (Outcome.PASSED, "")


def _engine(platform: Platform) -> Callable[[DesiredState, PlatformRule, Mapping[str, Sequence[Row]], datetime], Found]:
    """What finds matches on the platform; imported only now, because it needs the extra `local`."""
    try:
        if platform is Platform.KIBANA:
            from deployer.ruletests import kibana

            return kibana.find
        from deployer.ruletests import sentinel

        return sentinel.find
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "deployer":
            raise
        raise CannotStart(f"rule tests need their extra ({error.name}): pip install '.[local]'") from None
