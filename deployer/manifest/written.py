"""Values as the YAML that a person would write: short collections on a line, texts of several lines as they read."""

import re
from collections.abc import Mapping

import yaml

from deployer.manifest.yaml import reads_as_text
from deployer.model import Json

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[-+]\d{2}:\d{2}))?", re.ASCII)
STEP = 2
"""Columns by which a mapping inside another is indented."""
SHORT = 60
"""Characters of a collection that is put on one line."""


def item(name: str | int, value: Json) -> list[str]:
    """Lines of `name: value` or `- value`, without indentation."""
    if isinstance(value, str) and is_literal(value):
        text = value.removesuffix("\n").split("\n")
        head = "- " if isinstance(name, int) else f"{flow(name)}: "
        return [head + ("|" if value.endswith("\n") else "|-"), *_further(text)]
    if isinstance(name, int):
        inner = [flow(value)] if _short(value) else block(value)
        return [f"- {inner[0]}", *_further(inner[1:])]
    if _short(value):
        return [f"{flow(name)}: {flow(value)}"]
    return [f"{flow(name)}:", *_further(block(value))]


def _further(block: list[str]) -> list[str]:
    """Lines one step further in; empty ones stay empty."""
    return [" " * STEP + line if line else "" for line in block]


def indented(block: list[str], column: int) -> str:
    """Lines as text that begins in a column; empty ones stay empty."""
    return "\n".join(" " * column + line if line else "" for line in block)


def is_literal(value: Json) -> bool:
    """Whether a text of several lines reads back exactly from a literal block without further signs."""
    if not isinstance(value, str) or "\n" not in value.removesuffix("\n") or value.endswith("\n\n"):
        return False
    # The first line says how far the block is indented: it must not begin with a blank itself, nor be empty.
    return value[0] not in " \t\n" and all(one.isprintable() or one in "\n\t" for one in value)


def block(value: Json) -> list[str]:
    """Lines of a mapping or a list, without indentation."""
    if isinstance(value, Mapping):
        return [line for key, inner in value.items() for line in item(key, inner)]
    return [line for inner in value for line in item(0, inner)] if isinstance(value, list) else [flow(value)]


def _short(value: Json) -> bool:
    """Whether a value goes on one line: a plain one, or a small collection of plain ones."""
    if not isinstance(value, Mapping | list) or not value:
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return not any(isinstance(one, Mapping | list) or is_literal(one) for one in inner) and len(flow(value)) <= SHORT


def flow(value: Json) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value  # text to us, as in YAML 1.2
    # PyYAML writes YAML 1.1, in which 1e3 and 0o17 are texts.
    quoted = isinstance(value, str) and not (value.isprintable() and reads_as_text(value))
    style = '"' if quoted else None
    # What does not show, such as a mark that turns the direction of reading, is spelled out for whoever reviews it.
    shows = not isinstance(value, str) or value.isprintable()
    # In a flow collection, so that what is special there is put in quotes.
    text: str = yaml.dump(
        [value], Dumper=yaml.CSafeDumper, default_flow_style=True, default_style=style, width=2**30, allow_unicode=shows
    )
    return text.strip()[1:-1]
