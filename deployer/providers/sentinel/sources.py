"""What a value of an analytics rule is made of, in the keys that people write. Pure: the other side of `codec`."""

from collections.abc import Mapping
from collections.abc import Sequence

from deployer.model import Category
from deployer.model import Entry
from deployer.model import Rule
from deployer.origins import Filled
from deployer.origins import Keys
from deployer.origins import Made
from deployer.origins import Said
from deployer.origins import Voice
from deployer.providers.sentinel.allowlist import side

_NEUTRAL: Mapping[str, tuple[Keys, ...]] = {
    "displayName": (("name",),),
    "severity": (("severity",),),
    "enabled": (("enabled",),),
    "tactics": (("attack",),),
    "techniques": (("attack",),),
    "subTechniques": (("attack",),),
}
_DESCRIPTION: tuple[Keys, ...] = (("description",), ("confidence",), ("false_positives",), ("references",))
OURS = "deployer"
PLATFORM = "Sentinel"


def of_rule(rule: Rule, path: tuple[str, ...]) -> Made:
    """What a value of a rule's canonical body is made of."""
    name, half = path[0], rule.sentinel
    block: Keys = ("sentinel", *path)
    if half and name in half.dropped:
        return Made(block, default=PLATFORM)
    if name == "description":
        hunting: tuple[Keys, ...] = (("purpose",),) if rule.purpose == "hunting" else ()
        return Made(block, (*_DESCRIPTION, *hunting), PLATFORM, "what Sentinel has no field for stands at its end")
    default = OURS if name == "enabled" else PLATFORM
    how = "attack" if _NEUTRAL.get(name) == (("attack",),) else ""
    if name == "severity" and rule.severity == "critical":
        how = "Sentinel has no critical"
    return Made(block, _NEUTRAL.get(name, ()), default, how)


def filled(category: Category, entries: Sequence[Entry]) -> Mapping[str, Filled]:
    """By its name, each `let` that the entries of a category are put into, with what is put into it."""
    sides: dict[str, list[Said]] = {}
    for entry in entries:
        kind = "scoped" if entry.scoped else side(entry)
        sides.setdefault(kind, []).append(Said(Voice.ALLOWLIST, entry.location, entry.value, category.name))
    sides["ports"] = [Said(Voice.ALLOWLIST, category.location, list(category.ports), category.name)]
    empty = Said(Voice.ALLOWLIST, category.location, [], category.name)
    return {let: Filled(category.name, tuple(sides.get(kind) or (empty,))) for kind, let in category.sentinel.items()}
