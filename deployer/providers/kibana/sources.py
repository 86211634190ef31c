"""What a value of Kibana's documents is made of, in the keys that people write. Pure: the other side of `codec`."""

from collections.abc import Mapping

from deployer.model import Rule
from deployer.origins import Keys
from deployer.origins import Made
from deployer.providers.kibana.codec import HUNTING

_NEUTRAL: Mapping[str, tuple[Keys, ...]] = {
    "name": (("name",),),
    "description": (("description",), ("confidence",)),
    "severity": (("severity",),),
    "enabled": (("enabled",),),
    "threat": (("attack",),),
    "references": (("references",),),
    "false_positives": (("false_positives",),),
    "risk_score": (("severity",),),
}
_HOW = {
    "risk_score": "Kibana's own score of the severity",
    "description": "description and confidence",
    "threat": "attack",
}
OURS = "deployer"
PLATFORM = "Kibana"


def of_rule(rule: Rule, path: tuple[str, ...]) -> Made:
    """What a value of a rule's canonical body is made of."""
    name, half = path[0], rule.kibana
    block: Keys = ("kibana", *path)
    views = {*half.fields, *half.dropped} if half else set()
    if name == "exceptions_list":
        return Made(neutral=tuple(("allowlists", index) for index in range(len(rule.allowlists))), how="allowlists")
    if name == "data_view_id" and "data_view" in views:
        return Made(neutral=(("kibana", "data_view"),), how="the id of the rule's own data view")
    if name == "tags":
        return _tags(rule)
    if half and name in half.dropped:
        return Made(block, default=PLATFORM)
    default = OURS if name == "enabled" else PLATFORM
    return Made(block, _NEUTRAL.get(name, ()), default, _HOW.get(name, ""))


def of_view(path: tuple[str, ...]) -> Made:
    """What a value of the canonical body of a rule's own data view is made of."""
    if path[0] == "title":
        return Made(("kibana", "index"), how="index patterns")
    return Made(("kibana", "data_view", *path), default=OURS)


def _tags(rule: Rule) -> Made:
    written: tuple[Keys, ...] = (("tags",), ("kibana", "tags"))
    if "kibana.tags" in rule.origins:
        return Made(("kibana", "tags"), (("tags",),))
    own = rule.kibana.fields.get("tags") if rule.kibana else None
    said = (*rule.tags, *(own if isinstance(own, list) else ()))
    hunting: tuple[Keys, ...] = (("purpose",),) if rule.purpose == "hunting" and HUNTING not in said else ()
    return Made(neutral=(*written, *hunting), how="tags of the rule and of its block" if len(said) else "")
