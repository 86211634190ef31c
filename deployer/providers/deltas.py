"""What an overlay must say so that one canonical value becomes another."""

from collections.abc import Mapping

from deployer.model import Json
from deployer.state import as_json


def delta(before: Json, after: Json) -> Json:
    """What to lay over `before`: of mappings what differs, null for what is gone; of anything else the whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [name for name in (*before, *after) if as_json(before.get(name)) != as_json(after.get(name))]
        return {name: delta(before.get(name), after.get(name)) for name in dict.fromkeys(names)}
    return _lines(after)


def _lines(value: Json) -> Json:
    """A text of several lines ends with a line end, so that it is written as one reads it."""
    if isinstance(value, Mapping):
        return {name: _lines(inner) for name, inner in value.items()}
    return f"{value}\n" if isinstance(value, str) and "\n" in value else value
