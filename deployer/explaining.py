"""Where every value of what a target is to hold comes from, by file and line. Asks nothing of any target."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import TypeAlias

from deployer import queries
from deployer.manifest.load import Manifest
from deployer.manifest.voices import Voices
from deployer.model import Assignment
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Tenant
from deployer.origins import Filled
from deployer.origins import Made
from deployer.origins import Origin
from deployer.origins import Origins
from deployer.origins import Said
from deployer.origins import Voice
from deployer.providers import codecs
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource

QUERY = "query"

Path: TypeAlias = tuple[str, ...]
"""Keys from the root of a canonical body."""

_Told: TypeAlias = Sequence[Sequence[tuple[Said, ...]]]
"""By key, everything that is said of it, the last word at the end."""


def explain(
    manifest: Manifest,
    assignment: Assignment,
    desired: DesiredState,
    asked: Mapping[Key, Collection[Path]] | None = None,
) -> Origins:
    """The origin of every value of a target's objects, or of those `asked` for.

    `asked` names, by object, paths that it does not have and that are to be explained beside those that it has: who
    took them out. `desired` is what was made of `assignment`. Of what is neither a rule nor a rule's own data view the
    whole object has one origin, under the empty path: where it was written.
    """
    tenant = next(one for one in manifest.tenants if one.name == assignment.target.tenant)
    whole = _Whole(assignment, desired, dict(_filled(assignment)))
    owners = {key: rule for rule in assignment.rules for key in _own(rule, desired)}
    found: dict[str, tuple[Origin, ...]] = {}
    for key, resource in desired.resources.items():
        if asked is not None and key not in asked:
            continue
        if (rule := owners.get(key)) is None:
            found[str(key)] = (Origin((), None, tuple(_of_object(resource))),)
        else:
            voices = Voices(manifest.rules[rule.id], manifest, tenant, assignment.target)
            absent = (asked or {}).get(key, ())
            found[str(key)] = (*_origins(rule, resource, voices, whole), *_taken_out(rule, key, voices, absent))
    return found


def origins_of(
    manifest: Manifest,
    tenant: Tenant,
    assignment: Assignment,
    desired: DesiredState,
    asked: Mapping[Key, Collection[Path]],
) -> dict[tuple[Key, Path], Origin]:
    """The origin of some values only, of rules and of their own data views; of any other object there is none.

    Where a path leads to several values, it is the origin of the first of them that is tuned, else of the first.
    """
    owners = {key: rule for rule in assignment.rules for key in _own(rule, desired)}
    found: dict[tuple[Key, Path], Origin] = {}
    for key, paths in asked.items():
        if (rule := owners.get(key)) is None:
            continue
        voices = Voices(manifest.rules[rule.id], manifest, tenant, assignment.target)
        body = desired.resources[key].body
        for path in paths:
            if path[0] == QUERY and len(path) > 1:
                whole = _Whole(assignment, desired, dict(_filled(assignment)))
                told = [one for one in _of_lets(rule, str(body[QUERY]), voices, whole) if one.path == path]
            else:
                told = [
                    _origin(leaf, value, made, [voices.of(keys) for keys in (made.block, *made.neutral)])
                    for leaf, value in leaves_under(body, path)
                    for made in (codecs.made(voices.platform, rule, key.kind, leaf),)
                ] or list(_taken_out(rule, key, voices, (path,)))
            if told:
                found[key, path] = next((one for one in told if one.tuned), told[0])
    return found


@dataclass(frozen=True, slots=True)
class _Whole:
    """What is the same for all objects of a target."""

    assignment: Assignment
    desired: DesiredState
    lets: Mapping[str, Filled]
    """By name, every `let` that an allowlist is put into."""


def _filled(assignment: Assignment) -> Iterator[tuple[str, Filled]]:
    for category in assignment.categories.values():
        entries = assignment.entries.get(category.name, ())
        yield from codecs.filled(assignment.target.platform, category, entries).items()


def _of_object(resource: Resource) -> Iterator[Said]:
    """Where an object is written that no rule describes; of a shared list also where the tenant includes it."""
    for place in (resource.written, resource.source):
        if place:
            yield Said(Voice.TENANT if place.path.startswith("environments/") else Voice.RULE, place, None)


def _own(rule: Rule, desired: DesiredState) -> Iterator[Key]:
    """The rule itself, and its own data view."""
    key = Key(Kind.RULE, rule.live_id)
    if key in desired.resources:
        yield key
        yield from (need for need in desired.resources[key].needs if need.kind is Kind.DATA_VIEW)


def _origins(rule: Rule, resource: Resource, voices: Voices, whole: _Whole) -> Iterator[Origin]:
    platform = whole.assignment.target.platform
    for path, value in leaves(resource.body):
        made = codecs.made(platform, rule, resource.key.kind, path)
        told = [voices.of(keys) for keys in (made.block, *made.neutral)]
        if path == ("exceptions_list",):
            yield _of_lists(path, value, rule, made, told, whole)
        else:
            yield _origin(path, value, made, told)
        if path == (QUERY,) and platform is Platform.SENTINEL:
            yield from _of_lets(rule, str(value), voices, whole)


def _taken_out(rule: Rule, key: Key, voices: Voices, paths: Collection[Path]) -> Iterator[Origin]:
    """Who says that there is to be nothing at a path; nobody may."""
    for path in paths:
        made = codecs.made(voices.platform, rule, key.kind, path)
        told = next((one for keys in (made.block, *made.neutral) if (one := voices.of(keys))), [()])
        yield Origin(path, None, told[-1], _flat(reversed(told[:-1])))


def _origin(path: Path, value: Any, made: Made, told: _Told) -> Origin:
    """Who has the last word: the platform's block, else the neutral part, else a default."""
    block, *neutral = [list(one) for one in told]
    if block and not _takes_out(block[-1]):
        latest, *earlier = reversed(block)
        return Origin(path, value, latest, _flat([*earlier, *(one for each in neutral for one in reversed(each))]))
    spoken = [each for each in neutral if each and not _takes_out(each[-1])]
    if spoken:
        said = tuple(one for each in spoken for one in each[-1])
        earlier = [*reversed(block), *(one for each in neutral for one in reversed(each[:-1]))]
        return Origin(path, value, said, _flat(earlier), made.how)
    earlier = [one for each in (block, *neutral) for one in reversed(each)]
    return Origin(path, value, (Said(Voice.DEFAULT, None, value, made.default),), _flat(earlier))


def _of_lists(path: Path, value: Any, rule: Rule, made: Made, told: _Told, whole: _Whole) -> Origin:
    """The exception lists: where the rule names their categories, and the tenant's exceptions of its own."""
    own = [one for one in whole.assignment.exemptions if one.kibana and one.is_for(rule.id)]
    others = (Said(Voice.EXCEPTION, one.location, None) for one in own)
    return Origin(path, value, (*_flat(one for each in told for one in each), *others), how=made.how)


def _of_lets(rule: Rule, query: str, voices: Voices, whole: _Whole) -> Iterator[Origin]:
    """The `let` statements of a query as it is to be: the query's own, with parameters, allowlists and exceptions."""
    half = rule.sentinel
    written = {let.name: let for let in queries.lets(half.query)} if half else {}
    honoured = {name for name, one in whole.lets.items() if one.category in rule.allowlists}
    excepted: dict[str, list[Said]] = {}
    for one in whole.assignment.exemptions:
        if one.let and one.is_for(rule.id):
            excepted.setdefault(one.let, []).append(Said(Voice.EXCEPTION, one.location, list(one.values)))
    for let in queries.lets(query):
        if let.name not in written:
            continue
        path, told = (QUERY, f"let {let.name}"), voices.of_let(written[let.name])
        if let.name in honoured:
            yield Origin(path, let.value, whole.lets[let.name].said, _flat(reversed(told)))
        else:
            latest, *earlier = reversed(told)
            yield Origin(path, let.value, (*latest, *excepted.get(let.name, ())), _flat(earlier))


def leaves(body: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of a document with its path, as differences name them: mappings are entered, lists are values."""
    for name, value in body.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def leaves_under(body: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value of a document that a path leads to, itself or as one of several beneath it."""
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and value:
        yield from leaves(value, path)
    elif value is not None:
        yield path, value


def _takes_out(said: Sequence[Said]) -> bool:
    return all(one.value is None for one in said)


def _flat(told: Iterable[Sequence[Said]]) -> tuple[Said, ...]:
    return tuple(said for one in told for said in one)
