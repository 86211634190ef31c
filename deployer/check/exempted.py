"""The fields that customers' exceptions name, held against those of the data that the rules read.

Kibana takes an exception on any field. One that no event has lets nothing through; if it is excluded, it always holds,
and the exception lets more through than was meant.
"""

from collections.abc import Iterator
from collections.abc import Mapping

from deployer.engines import tables
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.manifest.wording import guess
from deployer.manifest.wording import shown
from deployer.model import Assignment
from deployer.model import Exemption
from deployer.model import Json
from deployer.model import Platform
from deployer.model import Rule


def findings(assignment: Assignment) -> Iterator[Finding]:
    """An error for an excluded condition on a field that is not known, a remark for an included one."""
    if assignment.target.platform is not Platform.KIBANA:
        return
    for one in assignment.exemptions:
        for rule in assignment.rules:
            known = _known(rule) if one.kibana and one.is_for(rule.id) else None
            if known is not None:
                yield from _unknown(one, rule, known)


def _unknown(one: Exemption, rule: Rule, known: Mapping[str, str]) -> Iterator[Finding]:
    for condition in one.kibana:
        name = str(condition.get("field"))
        if name in known or condition.get("type") == "nested":
            continue
        message = f"the exception names the field {shown(name)}, which the data of {rule.id} is not known to have"
        message += guess(name, known)
        if _always(condition):
            what = "; without it the condition always holds, and more is let through than was meant"
            yield Finding("field-missing", message + what, location=one.location)
        else:
            yield Finding("field-missing", f"{message}; it lets nothing through", Severity.WARNING, one.location)


def _always(condition: Mapping[str, Json]) -> bool:
    return condition.get("operator") == "excluded"


def _known(rule: Rule) -> Mapping[str, str] | None:
    """The fields of the rule's data with their types; None where not all of it is described here."""
    half = rule.kibana
    if half is None or not half.data:
        return None
    view = half.fields.get("data_view")
    computed = view.get("runtimeFieldMap") if isinstance(view, Mapping) else None
    found: dict[str, str] = dict.fromkeys(computed, "") if isinstance(computed, Mapping) else {}
    for name in half.data:
        dataset = tables.kibana(name)
        if dataset is None:
            return None
        found |= dataset.columns
    return found
