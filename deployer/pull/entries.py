"""Exception items into the entries of `allowlists:`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.manifest import allowlists
from deployer.manifest.document import Document
from deployer.manifest.document import Path as Steps
from deployer.manifest.schema import validate
from deployer.manifest.shared_lists import FOLDER
from deployer.model import Category
from deployer.model import Entry
from deployer.outcome import Left
from deployer.outcome import Taken
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.providers.kibana import items
from deployer.providers.kibana.exemptions import OWN
from deployer.providers.kibana.grouping import is_of_many
from deployer.pull.draft import Draft
from deployer.pull.sights import Sight
from deployer.pull.sights import Wish
from deployer.state import Resource

PLACE = "allowlists"
_OF_MANY = "it stands for many values, which no single entry can say: edit {}; the next apply puts it back"
_Results = tuple[list[Taken], list[Left]]


def take(draft: Draft, sight: Sight, change: Change, wish: Wish) -> _Results:
    """What was edited, added or taken out by hand, laid into the draft's entries."""
    try:
        match change:
            case Update() | Create() if is_of_many(change.key):
                if isinstance(change, Update) or wish.removes(*names(change)):
                    raise ValueError(_OF_MANY.format(_written(change.desired)))
                return [], []
            case Update():
                return [_edited(draft, sight, change)], []
            case Claim():
                return [_added(draft, sight, change, wish)], []
            case Create() if wish.removes(*names(change)):
                return [_removed(draft, sight, change)], []
            case Create() | Delete():
                return [], []
    except ValueError as error:
        return [], [Left(sight.target, change.key, "", str(error))]


def _written(wanted: Resource) -> str:
    """Where a person edits what an item of many values holds."""
    if wanted.written:
        return f"the shared list ({wanted.written}), for every tenant that includes it"
    return "the shared list in rules/allowlists/ or the tenant's entries"


def names(change: Create) -> tuple[str, ...]:
    """What a user may call the entry of an item: its id, and its value, with which its name begins."""
    return change.key.id, change.desired.name, change.desired.name.partition(" ")[0]


def _edited(draft: Draft, sight: Sight, change: Update) -> Taken:
    """Only what was changed, so that what an entry says beyond its item stays."""
    category, place = _category(draft, change.live), _place(draft, change.desired)
    entries = draft.items(PLACE, category.name)
    old = entries[int(place[-1])]
    if old is None:
        raise ValueError("another target's item of the same entry was taken out")
    _require_alone(category, old, change.desired)
    before, after = items.entry_of(category, change.desired), items.entry_of(category, change.live)
    new = dict(old)
    for name in dict.fromkeys((*before, *after)):
        if name not in after and name in ("owner", "ticket", "reviewed"):
            continue  # its description was written anew; who answers for the entry is not less known for that
        if name not in after:
            new.pop(name, None)
        elif before.get(name) != after[name]:
            new[name] = after[name]
    new = _identified(category, new, change.live)
    entries[int(place[-1])] = new
    cosmetic = {"name", "description"} & {field.path for field in change.fields} or _words(category, new, change.live)
    note = "the next apply words its name and description anew" if cosmetic else ""
    return Taken(sight.target, change.key, "", old, new, place, note)


def _added(draft: Draft, sight: Sight, change: Claim, wish: Wish) -> Taken:
    category, live = _category(draft, change.live), change.live
    said = items.entry_of(category, live)
    owner = said.get("owner") or wish.owner or live.edited_by
    if not owner:
        raise ValueError("nobody is known to have added it: pass --owner")
    told = {"reason": said.pop("reason", None) or " ".join(live.name.split()), "owner": owner}
    new = _identified(category, {**said, **told}, live)
    entries = draft.items(PLACE, category.name)
    if any(entry is not None and entry.get("item") == live.key.id for entry in entries):
        raise ValueError("another target has an item of the same id; one entry cannot stand for both")
    entries.append(new)
    place = (PLACE, category.name, len(entries) - 1)
    return Taken(sight.target, change.key, "", None, new, place, "`apply --adopt` then takes the item over")


def _removed(draft: Draft, sight: Sight, change: Create) -> Taken:
    category, place = _category(draft, change.desired), _place(draft, change.desired)
    entries = draft.items(PLACE, category.name)
    old = entries[int(place[-1])]
    if old is not None:
        _require_alone(category, old, change.desired)
    entries[int(place[-1])] = None
    return Taken(sight.target, change.key, "", old, None, place)


def _require_alone(category: Category, entry: Mapping[str, Any], wanted: Resource) -> None:
    """Raise `ValueError` for the item of a range that nobody wrote: several entries are that together."""
    value = items.entry_of(category, wanted)["value"]
    if _read(category, entry).value != value:
        raise ValueError(f"several entries are {value} together, {wanted.source} the first of them: edit them there")


def _category(draft: Draft, item: Resource) -> Category:
    name = str(item.body["list_id"]).removeprefix(items.PREFIX)
    if str(item.body["list_id"]).startswith(OWN):
        raise ValueError("it is an exception of a single rule: write it into `exceptions` of the tenant's file")
    if name not in draft.manifest.categories:
        raise ValueError(f"it is in the list {item.body['list_id']}, which is none of rules/allowlists.yaml")
    return draft.manifest.categories[name]


def _place(draft: Draft, wanted: Resource) -> Steps:
    """Where the entry of an item stands in the tenant's file."""
    found = draft.document.parts_at(wanted.source)
    place = next((path for path in found if len(path) == 3 and path[0] == PLACE), None)
    if place is None:
        raise ValueError("its entry is not in the tenant's file")
    entry = draft.items(*map(str, place[:2]))[int(place[-1])]
    if entry is not None and "list" in entry:
        where = wanted.written or f"{FOLDER}/{entry['list']}.yaml"
        raise ValueError(
            f"it comes from the shared list {entry['list']!r} ({where}), which other tenants may include: change it "
            "there, or write an entry of this tenant's own"
        )
    return place


def _identified(category: Category, entry: Mapping[str, Any], live: Resource) -> dict[str, Any]:
    """The entry with the id of its item, where that would not come of it; raises `ValueError` for what is no entry."""
    bare = {name: value for name, value in entry.items() if name != "item"}
    made = items.item(category, _read(category, bare))
    if not items.alike(made, live):
        raise ValueError("an entry that says it would let something else through")
    return bare if made.key == live.key else {**bare, "item": live.key.id}


def _words(category: Category, entry: Mapping[str, Any], live: Resource) -> bool:
    made = items.item(category, _read(category, entry))
    return made.digest != live.digest


def _read(category: Category, entry: Mapping[str, Any]) -> Entry:
    """The entry as it will be read; raises `ValueError` with all that is wrong with it."""
    document = Document("", {PLACE: {category.name: [dict(entry)]}})
    faults = [fault.message for fault in validate(document, "tenant") if f"`{PLACE}" in fault.message]
    found, findings = allowlists.entries(document.root.get(PLACE), {category.name: category})
    faults += [fault.message for fault in findings]
    if faults or not found[category.name]:
        raise ValueError("; ".join(dict.fromkeys(faults)) or "it is no entry")
    return replace(found[category.name][0], item=entry.get("item"))
