"""YAML text to a `Document`: YAML 1.2 core types, one way to write each thing, and a location for every part.

libyaml's events are read without recursion. Anchors, aliases, tags, merge keys, duplicate keys and keys that are no
text are refused: each lets a file say something else than it seems to say in review.
"""

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from typing import Any

import yaml

from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest.document import Document
from deployer.manifest.document import Place
from deployer.manifest.document import parts
from deployer.manifest.wording import shown
from deployer.model import Json

MAXIMUM_BYTES = 1024 * 1024
MAXIMUM_DEPTH = 32

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# libyaml ends a line at these, editors and YAML 1.2 do not: what follows would stand elsewhere than it seems to.
_HIDDEN_BREAK = re.compile("[\u0085\u2028\u2029]")
_LARGEST = 2**63 - 1


def parse(data: bytes, path: str) -> tuple[Document | None, tuple[Finding, ...]]:
    """Read `data`, the content of the file `path`. No document means that nothing of it can be used."""
    text, finding = decode(data, path)
    if text is None:
        return None, (finding,) if finding else ()
    if hidden := _HIDDEN_BREAK.search(text):
        message = f"the character U+{ord(hidden.group()):04X} ends a line unseen; take it out"
        return None, (Finding("yaml-syntax", message, location=_place(text, hidden.start(), path)),)
    builder = _Builder(path)
    loader = yaml.CSafeLoader(text)
    try:
        builder.build(loader.get_event)
    except _Stop:
        return None, tuple(builder.findings)
    except yaml.reader.ReaderError as error:
        builder.findings.append(_unreadable_character(text, error, path))
        return None, tuple(builder.findings)
    except yaml.MarkedYAMLError as error:
        builder.findings.append(_syntax(error, text, path))
        return None, tuple(builder.findings)
    finally:
        loader.dispose()
    return builder.document(text), tuple(builder.findings)


def decode(data: bytes, path: str) -> tuple[str | None, Finding | None]:
    """The text of a file, or why it has none: UTF-8 only, and no larger than any file of a manifest needs to be."""
    if len(data) > MAXIMUM_BYTES:
        message = f"the file holds {len(data)} bytes; {MAXIMUM_BYTES} is the most that is read. Split it"
        return None, Finding("file-too-large", message, location=Location(path))
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        message = f"byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        return None, Finding("not-utf-8", message, location=_place(before, len(before), path))


def reads_as_text(text: str) -> bool:
    """Whether `text` without quotes is a text, as far as its type goes."""
    value, problem = _resolve(text)
    return isinstance(value, str) and problem is None


class _Stop(Exception):
    """Reading on makes no sense."""


@dataclass(slots=True)
class _Frame:
    """An open mapping or list."""

    into: dict[str, Json] | list[Json]
    kept: bool
    """False beneath a key that was refused: the content is read past."""
    mapping: bool
    keys: dict[str, Place] = field(default_factory=dict)
    """Where each of its keys stands, if it is kept."""
    key: str | None = None
    due: bool = False
    """A key was read (kept if `key` says which), its value comes next."""


class _Builder:
    """Takes events one by one; afterwards `document` holds what they said."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self.written: list[Place] = []
        self.refused: set[int] = set()
        """Which of the places written are of parts that could not be taken."""
        self.documents = 0
        self.root: list[Json] = []
        """Holds the value of the file."""
        self.stack = [_Frame(self.root, True, False)]

    def document(self, text: str) -> Document | None:
        """What was read of the text, None for a file without content."""
        if not self.documents or (self.root[0] is None and 0 not in self.refused):
            message = "the file holds comments only" if _only_comments(text) else "the file is empty"
            self._say("empty-file", message)
            return None
        numbered = enumerate(parts(self.root[0])) if self.refused else ()
        refused = frozenset(path for number, (path, _) in numbered if number in self.refused)
        return Document(self.path, self.root[0], self.written, refused)

    def build(self, next_event: Callable[[], Any]) -> None:
        """Take every event; raises `_Stop` where reading on makes no sense."""
        # By its exact type, since an estate's files make a million events.
        take: dict[type, Callable[[Any, Place], object]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: lambda event, where: self._open({}, event, where),
            yaml.SequenceStartEvent: lambda event, where: self._open([], event, where),
            yaml.DocumentStartEvent: self._begin,
            yaml.AliasEvent: self._alias,
        }
        ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        while (kind := type(event := next_event())) is not yaml.StreamEndEvent:
            if kind in ends:
                self.stack.pop()
            elif kind in take:
                mark = event.start_mark
                take[kind](event, (mark.line + 1, mark.column + 1))

    def _alias(self, event: Any, where: Place) -> None:
        self._say("yaml-alias", "aliases (*name) are not read here; write the value out", where)
        if self._expects_key():
            self._await(None)
        else:
            self._attach(None, where, refused=True)

    def _begin(self, event: Any, where: Place) -> None:
        self.documents += 1
        if self.documents > 1:
            self._say("yaml-documents", "a second document starts here; one file holds one document", where)
            raise _Stop
        if event.version or event.tags:
            message = "directives (%YAML, %TAG) are not read here; take the line out"
            self._say("yaml-directive", message)

    def _open(self, container: "dict[str, Json] | list[Json]", event: Any, where: Place) -> None:
        if event.anchor or event.tag:
            self._refuse_extras(event, where)
        if len(self.stack) > MAXIMUM_DEPTH:
            self._say("yaml-too-deep", f"more than {MAXIMUM_DEPTH} levels of nesting", where)
            raise _Stop
        if self._expects_key():
            self._say("yaml-key", "a key must be text, not a list or a mapping", where)
            self._await(None)
            kept = False
        else:
            kept = self._attach(container, where, refused=event.tag is not None)
        self.stack.append(_Frame(container, kept, isinstance(container, dict)))

    def _scalar(self, event: Any, where: Place) -> None:
        if event.anchor or event.tag:
            self._refuse_extras(event, where)
        text = event.value
        plain = not event.style and event.implicit[0]
        frame = self.stack[-1]
        if frame.mapping and not frame.due:
            self._key(frame, text, plain, where)
            return
        value, problem = _resolve(text) if plain else (text, None)
        if problem:
            self._say("yaml-number", problem, where)
        self._attach(value, where, problem is not None or event.tag is not None)

    def _key(self, frame: _Frame, text: str, plain: bool, where: Place) -> None:
        wrong = _unfit_key(text) if plain else None
        if wrong:
            self._say(*wrong, where)
            frame.key = None
        elif text in frame.into:
            first = frame.keys.get(text)
            line = f", first in line {first[0]}" if first else ""
            self._say("yaml-duplicate", f"the key {shown(text)} is here a second time{line}", where)
            frame.key = None
        else:
            # The same word for all keys of a name: an estate's files have a million keys, and fifty names.
            frame.key = sys.intern(text)
            if frame.kept:
                frame.keys[frame.key] = where
                self.written.append(where)
        frame.due = True

    def _attach(self, value: Json, where: Place, refused: bool) -> bool:
        """Put a value where it belongs; answers whether it is part of the document."""
        frame = self.stack[-1]
        if isinstance(frame.into, list):
            frame.into.append(value)
        else:
            frame.due = False
            if frame.key is None:
                return False
            frame.into[frame.key] = value
        if frame.kept:
            self.written.append(where)
            if refused:
                self.refused.add(len(self.written) - 1)
        return frame.kept

    def _expects_key(self) -> bool:
        return self.stack[-1].mapping and not self.stack[-1].due

    def _await(self, key: str | None) -> None:
        self.stack[-1].key, self.stack[-1].due = key, True

    def _refuse_extras(self, event: Any, where: Place) -> None:
        if event.anchor:
            self._say("yaml-anchor", "anchors (&name) are not read here; write the value out where it is used", where)
        if event.tag:
            self._say("yaml-tag", "tags (!name) are not read here; quotes make a text, nothing else is needed", where)

    def _say(self, code: str, message: str, where: Place = (1, 1)) -> None:
        self.findings.append(Finding(code, message, location=Location(self.path, *where)))


@lru_cache(maxsize=4096)
def _unfit_key(text: str) -> tuple[str, str] | None:
    """Why a plain scalar can be no key: a code and a message."""
    if text == "<<":
        return "yaml-merge", "merge keys (<<) are not read here; write the keys out"
    value, problem = _resolve(text)
    if problem or not isinstance(value, str):
        return "yaml-key", f"the key {shown(text)} reads as something else than text; put it in quotes"
    return None


@lru_cache(maxsize=4096)
def _resolve(text: str) -> tuple[Json, str | None]:
    """What a plain scalar is in the core schema of YAML 1.2, or why it can be nothing.

    Kept, because files of one kind repeat each other's keys and words.
    """
    if text in _NULL:
        return None, None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE, None
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            # Length first: Python refuses to read thousands of digits.
            number = int(text if base == 10 else text[2:], base) if len(text) <= 64 else _LARGEST + 1
            return (number, None) if abs(number) <= _LARGEST else (None, "the number does not fit into 64 bits")
    if _FLOAT.fullmatch(text):
        value = float(text)
        return (value, None) if math.isfinite(value) else (None, "the number is too large")
    if _NOT_FINITE.fullmatch(text):
        return None, "infinity and not-a-number have no JSON form; put the value in quotes if a text is meant"
    return text, None


def _only_comments(text: str) -> bool:
    lines = [line for line in map(str.strip, _LINE_BREAK.split(text)) if line]
    return bool(lines) and all(line.startswith("#") for line in lines)


def _syntax(error: yaml.MarkedYAMLError, text: str, path: str) -> Finding:
    mark: Any = error.problem_mark or error.context_mark
    where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
    context = f"{error.context}: " if error.context else ""
    message = f"not YAML: {context}{error.problem}{_hint(text, where) if mark else ''}"
    return Finding("yaml-syntax", message, location=where)


def _hint(text: str, where: Location) -> str:
    """Where the fault may really be: libyaml stops at the first line that does not follow from those above it."""
    lines = _LINE_BREAK.split(text)
    if where.line <= len(lines) and lines[where.line - 1][where.column - 1 :].startswith("\t"):
        return "; indent with spaces, YAML takes no tabs"
    before = enumerate(lines[: where.line - 1], 1)
    numbers = [number for number, line in before if line.strip() and not line.strip().startswith("#")]
    if not numbers:
        return ""
    return f"; look at the indentation, and at line {numbers[-1]} above: a colon, quote or bracket may be missing there"


def _unreadable_character(text: str, error: yaml.reader.ReaderError, path: str) -> Finding:
    # libyaml counts bytes.
    before = text.encode("utf-8", "surrogatepass")[: error.position].decode("utf-8", "replace")
    message = f"the control character U+{ord(text[len(before)]):04X} cannot stand in YAML; take it out"
    return Finding("yaml-syntax", message, location=_place(text, len(before), path))


def _place(text: str, index: int, path: str) -> Location:
    """Line and column of the character `index`."""
    breaks = list(_LINE_BREAK.finditer(text, 0, index))
    return Location(path, len(breaks) + 1, index - (breaks[-1].end() if breaks else 0) + 1)
