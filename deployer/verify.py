"""Read a target back and ask of every object: present, equal, enabled; of a rule also: ran, healthy, data.

Each answer is pass, fail or unknown. The last three come from the provider, asked once for all rules; a rule that Git
wants disabled is not asked them, so that a hunting rule at rest leaves nothing unknown.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping

from deployer.diff import field_changes
from deployer.outcome import Answer
from deployer.outcome import Health
from deployer.outcome import Level
from deployer.providers.base import Asked
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import whose


def asked(desired: DesiredState, live: LiveState, among: Collection[Key] | None = None) -> list[Asked]:
    """The rules to ask the provider's `health` of: wanted enabled, and there. `among` narrows them."""
    return [
        Asked(wanted, live.resources[key])
        for key, wanted in sorted(desired.resources.items())
        if key in live.resources and _runs(wanted) and (among is None or key in among)
    ]


def verify(desired: DesiredState, live: LiveState, health: Mapping[Key, Health]) -> tuple[Level, ...]:
    """Every answer there is, object by object. An object that is missing is asked nothing more.

    `health` is what the provider answered for the rules in `asked`.
    """
    levels: list[Level] = []
    for key, wanted in sorted(desired.resources.items()):
        found = live.resources.get(key)
        levels += _object(wanted, found, found is not None and desired.owns(found))
        levels += health[key].levels if key in health else ()
    for key, found in sorted(live.resources.items()):
        if key not in desired.resources and desired.owns(found):
            levels.append(Level(key, "equal", Answer.FAIL, "it is still there, though no longer in Git"))
    return tuple(levels)


def _runs(wanted: Resource) -> bool:
    return wanted.key.kind is Kind.RULE and wanted.body.get("enabled") is True


def _object(wanted: Resource, found: Resource | None, owned: bool) -> Iterator[Level]:
    key = wanted.key
    if found is None:
        yield Level(key, "present", Answer.FAIL, "it is not there")
        return
    yield Level(key, "present", Answer.PASS)
    yield _equal(key, wanted, found, owned)
    if key.kind is Kind.RULE:
        yield _enabled(key, wanted, found)


def _equal(key: Key, wanted: Resource, found: Resource, owned: bool) -> Level:
    found_note = "" if owned else f"though not ours: {whose(found) if found.mark else 'it carries no mark'}"
    paths = [field.path for field in field_changes(found.body, wanted.body)]
    if not paths:
        return Level(key, "equal", Answer.PASS, found_note)
    return Level(key, "equal", Answer.FAIL, f"it differs from Git in {', '.join(paths)}")


def _enabled(key: Key, wanted: Resource, found: Resource) -> Level:
    if found.halted:
        return Level(key, "enabled", Answer.FAIL, found.halted)
    state = "enabled" if found.body.get("enabled") is True else "disabled"
    if found.body.get("enabled") != wanted.body.get("enabled"):
        return Level(key, "enabled", Answer.FAIL, f"it is {state}, Git says otherwise")
    return Level(key, "enabled", Answer.PASS, "" if state == "enabled" else "disabled, as Git says")
