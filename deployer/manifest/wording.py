"""Pieces of messages: values made safe to print, names suggested."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 60
LONGEST_PATH = 120


def shown(text: str) -> str:
    """A value for a message: quoted, cut, with anything a terminal could obey written as an escape."""
    return repr(text if len(text) <= LONGEST else text[:LONGEST] + "...")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is most like, if one is near."""
    names = {each.lower(): each for each in sorted(known)}
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return names[near[0]] if near else None


def guess(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where one known name is near, else nothing."""
    near = nearest(name, known)
    return f"; did you mean {shown(near)}?" if near is not None else ""


def listed(names: Iterable[str]) -> str:
    """Names in a row, or the word none."""
    return ", ".join(names) or "none"


def shown_key(key: str, longest: int = LONGEST) -> str:
    """A key for a message."""
    return f"`{key}`" if key.isprintable() and len(key) <= longest else shown(key)


def label(path: Iterable[str | int]) -> str:
    """The path of a value for a message: `targets.kibana.url`, `ports[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown_key(text.removeprefix("."), LONGEST_PATH) if text else "the file"
