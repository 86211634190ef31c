"""What is edited in files that are there: a rule of other tenants comes to one more, an overlay says what differs."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.adopt.folder import Spot
from deployer.adopt.trial import Draft
from deployer.adopt.trial import Trial
from deployer.diff import field_changes
from deployer.manifest import edit
from deployer.manifest.document import Path
from deployer.manifest.overlay import assign
from deployer.model import Json
from deployer.model import Rule
from deployer.plan import FIXED_FIELDS
from deployer.plan import matches
from deployer.providers.codecs import encode
from deployer.state import Resource
from deployer.state import as_json

_NOT_TUNED = set(FIXED_FIELDS) | {"exceptions_list"}


def joined(live: Resource, rule: str, spot: Spot, trial: Trial) -> Draft:
    """The edits that bring a rule of Git to one more target, as it is there. `ValueError` says why not."""
    known = spot.manifest.rules[rule]
    if known.on(spot.platform) is None:
        raise ValueError(f"Git has this id as {rule}, which has no {spot.platform} half")
    if not matches(rule, spot.manifest.environment.rules):
        raise ValueError(f"Git has this id as {rule}, which the environment does not deploy: see `rules:` in its file")
    if known.is_for(spot.target):
        raise ValueError(f"Git has this id as {rule}, for this tenant too")
    path = f"rules/{rule}/rule.yaml"
    files = {path: edit.change(trial.text(path), path, ("tenants",), [*known.tenants, spot.glob])}
    return _tuned(Draft(live, rule, spot, files), replace(known, tenants=()), trial)


def overlaid(draft: Draft, trial: Trial) -> Draft | None:
    """The draft with an overlay against those that change it unmeant, if they are all that stands in its way."""
    plain = Draft(draft.live, draft.rule, draft.spot, draft.files)
    rule = trial.loaded_alone(draft)
    return _tuned(plain, replace(rule, tenants=()), trial) if rule else None


def _tuned(draft: Draft, rule: Rule, trial: Trial) -> Draft:
    """The draft and, in the tenant's file, what differs at this target. `ValueError` for what no overlay may say."""
    spot, live = draft.spot, draft.live
    alone = replace(spot.manifest, rules={rule.id: rule})
    assignment = assign(alone, spot.tenant, spot.target)
    if assignment.not_applicable:
        raise ValueError(f"as {rule.id} it {assignment.not_applicable[0].reason}")
    made = encode(assignment).resources[live.key].body
    fixed = sorted({change.path.split(".")[0] for change in field_changes(made, live.body)} & _NOT_TUNED)
    if fixed:
        raise ValueError(f"Git has this id as {rule.id}, and no overlay can make it so: {', '.join(fixed)} differs")
    change = _patch(made, live.body)
    if not change:
        return draft
    several = spot.glob != spot.tenant.name
    path: Path = ("targets", spot.target.name, "overlay") if several else ("overlay",)
    file = spot.tenant.location.path
    text = edit.change(trial.text(file), file, (*path, rule.id, str(spot.platform)), change)
    return replace(draft, files={**draft.files, file: text})


def _patch(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    """What an overlay says to turn one body into the other: null takes a field out."""
    found: dict[str, Json] = {}
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            if inner := _patch(old, new):
                found[name] = inner
        elif as_json(old) != as_json(new):
            found[name] = new
    return found
