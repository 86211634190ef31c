"""Edits of YAML files by commands: text is spliced where the change is, everything else stays as it was written.

After an edit the text is read again, and must say exactly what was intended; else nothing is written and `CannotEdit`
gives the lines to put in by hand.
"""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from deployer.errors import CannotEdit
from deployer.manifest import flow_items
from deployer.manifest import notes
from deployer.manifest import written
from deployer.manifest.document import Path
from deployer.manifest.flow_items import Span
from deployer.manifest.yaml import parse
from deployer.model import Json
from deployer.state import as_json


def change(text: str, file: str, path: Path, value: Json) -> str:
    """`text` with `value` at `path`; mappings on the way are made where there are none.

    Only what differs is touched: comments, order and layout of the rest stay. Raises `CannotEdit`.
    """

    def edit(plain: str) -> str:
        before = _value(plain, file)
        return _checked(_changed(plain, path, before, value), file, _with(before, path, value), path, value)

    return _as_written(text, edit)


def remove(text: str, file: str, path: Path, with_notes: bool = False) -> str:
    """`text` without the key or the item at `path`; a collection that becomes empty stays, as {} or [].

    `with_notes` takes the comments along that belong to an item of a list and to nothing else.
    """

    def edit(plain: str) -> str:
        before = _value(plain, file)
        bare = _without_notes(plain, path) if with_notes else plain
        return _checked(_removed(bare, path), file, _without(before, path), path, None)

    return _as_written(text, edit)


def lines(path: Path, value: Json) -> list[str]:
    """What a person would write to have `value` at `path`."""
    for name in reversed(path):
        value = [value] if isinstance(name, int) else {name: value}
    return written.block(value)


def _as_written(text: str, edit: Callable[[str], str]) -> str:
    """The edited text with the byte order mark and the line ends that the file has."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    plain = text.removeprefix(mark)
    windows = plain.count("\r\n")
    if windows and windows == plain.count("\n"):
        return mark + edit(plain.replace("\r\n", "\n")).replace("\n", "\r\n")
    return mark + edit(plain)


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a value stands: offsets into the text."""

    start: int
    end: int
    """Past its last own character; comments and blank lines after a block are none of it."""
    flow: bool
    collection: bool
    column: int
    """Of a block collection: where its keys or dashes begin."""
    key_start: int
    """Where its key begins, or the dash of its item; `start` where there is neither."""
    key_end: int
    """Past the colon of its key, or past the dash."""

    @property
    def span(self) -> Span:
        """The value with its key."""
        return Span(self.key_start, self.end)


def _parts(text: str) -> dict[Path, _Part]:
    """Every value of the text by its path."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    reader = _Reader(text, starts)
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        reader.take(event)
    return reader.parts


@dataclass(slots=True)
class _Frame:
    """A collection that is being read, and what is known of its key or item under way."""

    path: Path
    start: int
    flow: bool
    mapping: bool
    key_start: int
    key_end: int
    column: int = 0
    count: int = 0
    key: str | None = None
    inner_key_start: int = 0
    inner_key_end: int = 0
    last: int = 0


class _Reader:
    """Takes events one by one; afterwards `parts` holds where everything stands."""

    def __init__(self, text: str, starts: list[int]) -> None:
        self.text = text
        self.starts = starts
        self.parts: dict[Path, _Part] = {}
        self.stack: list[_Frame] = []

    def take(self, event: Any) -> None:
        """Go one event further."""
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                path, key_start, key_end = self._next(event)
                mapping = isinstance(event, yaml.MappingStartEvent)
                start = self._at(event.start_mark)
                frame = _Frame(path, start, bool(event.flow_style), mapping, key_start, key_end)
                frame.column, frame.last = self._column(event.start_mark), start
                self.stack.append(frame)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                frame = self.stack.pop()
                end = self._at(event.end_mark) if frame.flow else frame.last
                key = (frame.key_start, frame.key_end)
                self._add(frame.path, _Part(frame.start, end, frame.flow, True, frame.column, *key))
            case yaml.ScalarEvent():
                if self.stack and self.stack[-1].mapping and self.stack[-1].key is None:
                    frame = self.stack[-1]
                    frame.key, frame.inner_key_start = event.value, self._at(event.start_mark)
                    frame.last = frame.inner_key_end = self.text.index(":", self._at(event.end_mark)) + 1
                    return
                path, key_start, key_end = self._next(event)
                start, end = self._at(event.start_mark), self._end(event)
                self._add(path, _Part(start, end, True, False, self._column(event.start_mark), key_start, key_end))
            case _:
                pass

    def _next(self, event: Any) -> tuple[Path, int, int]:
        """The path of the value that begins, and where its key or dash begins and ends."""
        if not self.stack:
            start = self._at(event.start_mark)
            return (), start, start
        frame = self.stack[-1]
        if frame.mapping:
            key, frame.key = str(frame.key), None
            return (*frame.path, key), frame.inner_key_start, frame.inner_key_end
        frame.count += 1
        start = self._at(event.start_mark)
        path = (*frame.path, frame.count - 1)
        if frame.flow:
            return path, start, start
        dash = self._dash(event.start_mark.line, start, frame.column)
        return path, dash, dash + 1

    def _dash(self, line: int, start: int, column: int) -> int:
        """Where the dash of an item that begins at `start` stands: not every dash above is one, comments hold some."""
        for number in range(line, -1, -1):
            at = self.starts[number] + column
            before = self.text[self.starts[number] : at]
            if at < start and self.text.startswith("-", at) and not before.strip(" -?"):
                return at
        return self.text.rindex("-", 0, start)

    def _add(self, path: Path, part: _Part) -> None:
        self.parts[path] = part
        if self.stack:
            self.stack[-1].last = max(self.stack[-1].last, part.end)

    def _at(self, mark: Any) -> int:
        return int(self.starts[mark.line] + mark.column)

    @staticmethod
    def _column(mark: Any) -> int:
        return int(mark.column)

    def _end(self, event: Any) -> int:
        end = self._at(event.end_mark)
        if event.style in ("|", ">"):
            # A block scalar ends where the next token starts: its own lines end earlier.
            return len(self.text[:end].rstrip(" \n"))
        return end


def _changed(text: str, path: Path, before: Json, value: Json) -> str:
    """Bottom up, so that offsets above a splice stay true: each splice reads the text anew."""
    there, current = _look(before, path)
    if not there:
        return _added(text, path, value)
    if isinstance(current, Mapping) and isinstance(value, Mapping):
        for key in [key for key in current if key not in value]:
            text = _removed(text, (*path, key))
        for key, inner in value.items():
            if key not in current:
                text = _added(text, (*path, key), inner)
            elif as_json(current[key]) != as_json(inner):
                text = _changed(text, (*path, key), before, inner)
        return text
    if isinstance(current, list) and isinstance(value, list):
        return _changed_list(text, path, current, value)
    return text if as_json(current) == as_json(value) else _replaced(text, path, value)


def _changed_list(text: str, path: Path, current: list[Json], value: list[Json]) -> str:
    """Items that stay are left as they are: those gone are taken out, new ones put at the end."""
    wanted = [as_json(item) for item in value]
    kept = [item for item in current if as_json(item) in wanted]
    if [as_json(item) for item in kept] != wanted[: len(kept)] or not kept:
        return text if as_json(current) == as_json(value) else _replaced(text, path, value)
    for index in reversed(range(len(current))):
        if as_json(current[index]) not in wanted:
            text = _removed(text, (*path, index))
    for item in value[len(kept) :]:
        text = _added(text, (*path, -1), item)
    return text


def _added(text: str, path: Path, value: Json) -> str:
    """A key, or an item at the end (-1), that was not there; mappings on the way are made."""
    parts = _parts(text)
    depth = len(path) - 1
    while depth > 0 and path[:depth] not in parts:
        depth -= 1
    for name in reversed(path[depth + 1 :]):
        value = {str(name): value}
    parent, name = parts[path[:depth]], path[depth]
    items = [part for inner, part in parts.items() if len(inner) == depth + 1 and inner[:depth] == path[:depth]]
    if not parent.collection:  # a key without a value yet
        return _replaced(text, path[:depth], {str(name): value} if isinstance(name, str) else [value])
    if parent.flow:
        if not items and path[:depth] and parent.end - parent.start <= 2 and not _inside_flow(parts, path[:depth]):
            return _replaced(text, path[:depth], {str(name): value} if isinstance(name, str) else [value])
        inside = f"{written.flow(name)}: {written.flow(value)}" if isinstance(name, str) else written.flow(value)
        if not items:
            return text[: parent.start + 1] + inside + text[parent.start + 1 :]
        return flow_items.added(text, max(items, key=lambda one: one.end).span, inside)
    end = text.find("\n", parent.end)
    end = len(text) if end < 0 else end
    # What is indented further than the keys or dashes speaks of what is above.
    end = max(end, len(text[: notes.below(text, end + 1, parent.column)].removesuffix("\n")))
    lines = written.indented(written.item(name, value), parent.column)
    return text[:end] + "\n" + _ended(lines, text[end:])


def _replaced(text: str, path: Path, value: Json) -> str:
    parts = _parts(text)
    part = parts[path]
    in_block = bool(path) and not _inside_flow(parts, path)
    simple = not (isinstance(value, Mapping | list) and value) and not written.is_literal(value)
    if simple or not in_block:
        if part.collection and not part.flow:
            return _emptied(text, part, written.flow(value))
        before = "" if text[: part.start].endswith((" ", "[", "{")) else " "
        return f"{text[: part.start]}{before}{written.flow(value)}{text[part.end :]}"
    column = part.key_start - (text.rfind("\n", 0, part.key_start) + 1)
    name = path[-1]
    lines = written.indented(written.item(name if isinstance(name, str) else -1, value), column).lstrip(" ")
    # A comment behind the old value is about the key: it stays on its line.
    end = len(text) if (end := text.find("\n", part.end)) < 0 else end
    head, line_end, rest = lines.partition("\n")
    return text[: part.key_start] + head + text[part.end : end] + line_end + _ended(rest, text[end:])


def _ended(lines: str, rest: str) -> str:
    """The lines and what follows: at the end of a file without a last line end, a text of several lines needs one."""
    return lines + (rest or "\n")


def _removed(text: str, path: Path) -> str:
    parts = _parts(text)
    part, parent = parts[path], parts[path[:-1]]
    siblings = sorted(
        (other for inner, other in parts.items() if len(inner) == len(path) and inner[:-1] == path[:-1]),
        key=lambda other: other.start,
    )
    position = siblings.index(part)
    following = siblings[position + 1].span if position + 1 < len(siblings) else None
    empty = "{}" if isinstance(path[-1], str) else "[]"
    if parent.flow:
        before = siblings[position - 1].span if position else None
        return flow_items.removed(text, Span(parent.start, parent.end), part.span, before, following, empty)
    if len(siblings) == 1:
        return _emptied(text, parent, empty)
    end = text.find("\n", part.end)
    end = len(text) if end < 0 else end + 1
    start = text.rfind("\n", 0, part.key_start) + 1
    if text[start : part.key_start].strip():
        # The first key of a list's item stands on the dash's line: the next key takes its place. What comments the
        # next one goes above both.
        if following is None:  # a key behind `? `: nothing can take its place
            return text
        notes = [line.strip() for line in text[end : following.start].split("\n") if line.strip()]
        above = "".join(" " * _indent(text, start) + f"{note}\n" for note in notes)
        return text[:start] + above + text[start : part.key_start] + text[following.start :]
    return text[:start] + text[end:]


def _without_notes(text: str, path: Path) -> str:
    """The text without the comments that belong to an item of a block list."""
    parts = _parts(text)
    part, parent = parts[path], parts[path[:-1]]
    start = text.rfind("\n", 0, part.key_start) + 1
    if not isinstance(path[-1], int) or parent.flow or text[start : part.key_start].strip():
        return text
    end = text.find("\n", part.end) + 1 or len(text)
    item = notes.Item(start, end, part.key_start - start, (*path[:-1], path[-1] + 1) not in parts)
    first, last = notes.own(text, item)
    return text[:first] + text[start:end] + text[last:]


def _indent(text: str, start: int) -> int:
    """Of the line that starts there."""
    return len(text[start:]) - len(text[start:].lstrip(" "))


def _emptied(text: str, part: _Part, value: str) -> str:
    """A block collection's lines are taken out, comments above them stay, and `value` goes behind the key."""
    line = text.rfind("\n", 0, part.start) + 1
    if line <= part.key_end:  # on the line of its key or dash, or the root
        blank = " " if part.key_end > part.key_start else ""
        return text[: part.key_end] + blank + value + text[part.end :]
    end = text.find("\n", part.end)
    end = len(text) if end < 0 else end + 1
    return f"{text[: part.key_end]} {value}{text[part.key_end : line]}{text[end:]}"


def _inside_flow(parts: Mapping[Path, _Part], path: Path) -> bool:
    return any(parts[path[:length]].flow and parts[path[:length]].collection for length in range(len(path)))


def _value(text: str, file: str) -> Json:
    document, findings = parse(text.encode(), file)
    if document is None or findings:
        raise CannotEdit("\n".join(map(str, findings)) or f"{file} cannot be read")
    return document.value


def _checked(text: str, file: str, intended: Json, path: Path, value: Json) -> str:
    document, findings = parse(text.encode(), file)
    if document is None or findings or as_json(document.value) != as_json(intended):
        where = ".".join(map(str, path)) or "the file"
        by_hand = "".join(f"\n  {line}" for line in lines(path, value)) if value is not None else " take it out"
        raise CannotEdit(f"{file}: {where} cannot be edited without touching more than it; by hand:{by_hand}")
    return text


def _look(value: Json, path: Path) -> tuple[bool, Json]:
    for step in path:
        match value, step:
            case Mapping(), str() if step in value:
                value = value[step]
            case list(), int() if 0 <= step < len(value):
                value = value[step]
            case _:
                return False, None
    return True, value


def _with(value: Json, path: Path, new: Json) -> Json:
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, int) and isinstance(value, list):
        index = step if step >= 0 else len(value)
        return [*value[:index], _with(value[index] if index < len(value) else None, rest, new), *value[index + 1 :]]
    inner = value if isinstance(value, Mapping) else {}
    return {**inner, str(step): _with(inner.get(str(step)), rest, new)}


def _without(value: Json, path: Path) -> Json:
    step, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(step, int):
        if not rest:
            return [*value[:step], *value[step + 1 :]]
        return [*value[:step], _without(value[step], rest), *value[step + 1 :]]
    if not isinstance(value, Mapping):
        raise KeyError(step)
    if not rest:
        return {key: inner for key, inner in value.items() if key != step}
    return {**value, str(step): _without(value[str(step)], rest)}
