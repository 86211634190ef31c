"""Words that every report shares, and the one way in which text from outside is made harmless."""

import unicodedata
from collections.abc import Sequence

from deployer.model import Json
from deployer.state import as_json

_LONGEST = 160


def plain(text: str) -> str:
    """One line that means nothing to a terminal or a pipeline.

    Control, format and separator characters are written as escapes, and so is what Azure Pipelines takes for a command
    anywhere in a line.
    """
    text = text.replace("##[", "#\\x23[").replace("##vso[", "#\\x23vso[")
    if text.isprintable():
        return text  # nearly always, and much faster
    return "".join(character if _harmless(character) else _escape(character) for character in text)


def value(json: Json) -> str:
    """A JSON value on one harmless line, shortened in the middle when it is long."""
    text = plain(as_json(json))
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]} ({len(text):,} characters)"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def places(targets: Sequence[str | None]) -> str:
    """`58 targets and 9 tenants' files`, by the name of each target: a tenant whose file cannot be used has None."""
    files = sum(target is None for target in targets)
    number = len(targets) - files
    told = [count(number, "target")] if number or not files else []
    return " and ".join([*told, *([count(files, "tenant's file", "tenants' files")] if files else [])])


def flag(name: str) -> str:
    """How the option is written that a document has under this name."""
    return "--" + {"tenants": "tenant", "rules": "rule"}.get(name, name).replace("_", "-")


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
