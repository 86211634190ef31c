"""Free-form exceptions in words. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from deployer.model import Exemption
from deployer.model import Json


def named(one: Exemption) -> str:
    """An exception by what it lets through: `process.name is backup.exe; backup.exe in let ExcludedProcesses`."""
    return "; ".join(filter(None, [" and ".join(conditions(one.kibana)), added(one)])) or "nothing"


def conditions(entries: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """The conditions of an exception item, one by one."""
    return map(condition, entries)


def condition(entry: Mapping[str, Json]) -> str:
    """`user.name is svc`, `process.name is none of a.exe, b.exe`, `host.name is like ws-*`, `user.name is there`."""
    field, value, type = entry.get("field"), entry.get("value"), entry.get("type")
    no = entry.get("operator") == "excluded"
    inner = entry.get("entries")
    if type == "nested" and isinstance(inner, Sequence):
        parts = [condition({"operator": "included", **each}) for each in inner if isinstance(each, Mapping)]
        return f"one of {field} has {' and '.join(parts)}"
    if type == "exists":
        return f"{field} is {'not ' if no else ''}there"
    if type == "wildcard":
        return f"{field} is {'not ' if no else ''}like {value}"
    texts = values(entry)
    if len(texts) == 1:
        return f"{field} is {'not ' if no else ''}{texts[0]}"
    return f"{field} is {'none' if no else 'one'} of {', '.join(texts)}"


def values(entry: Mapping[str, Json]) -> tuple[str, ...]:
    """The texts that a condition compares with."""
    value = entry.get("value")
    found = value if isinstance(value, list | tuple) else [value]
    return tuple(str(each) for each in found if each is not None)


def added(one: Exemption) -> str:
    """What a query of Sentinel is told: `a.exe, b.exe in let ExcludedProcesses`; nothing where that is nothing."""
    return f"{', '.join(map(str, one.values))} in let {one.let}" if one.let else ""
