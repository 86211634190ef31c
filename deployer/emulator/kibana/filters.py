"""The part of KQL that `filter` arguments need: `field: value`, and, or, not, parentheses, lists of values.

Anything else is refused. A filter that is silently not understood would show everything, or nothing.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TypeAlias

from deployer.emulator.calls import Document

Test: TypeAlias = Callable[[Document], bool]

_TOKEN = re.compile(r'\s*(?:(?P<mark>[():])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s():"<>{}]+))')


class BadFilter(Exception):
    """A filter outside the emulated part of KQL."""


def parse(text: str, fields: Mapping[str, str]) -> Test:
    """The filter as a test of documents; `fields` maps the names a filter may use to keys of the document."""
    return _Parser(text, fields).whole()


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, str]) -> None:
        self._text = text
        self._fields = fields
        self._tokens = self._split(text)

    def whole(self) -> Test:
        test = self._either()
        if self._tokens:
            raise self._bad(f"unexpected {self._tokens[0][1]!r}")
        return test

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._bad(f"cannot read {text[at:].strip()[:20]!r}")
            kind = str(found.lastgroup)
            tokens.append((kind, re.sub(r"\\(.)", r"\1", found[kind]) if kind != "mark" else found[kind]))
            at = found.end()
        return tokens

    def _bad(self, why: str) -> BadFilter:
        return BadFilter(
            f"filter not understood by the emulator: {why} in {self._text!r}; known: {sorted(self._fields)}"
        )

    def _keyword(self, word: str) -> bool:
        if self._tokens and self._tokens[0][0] == "word" and self._tokens[0][1].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _mark(self, mark: str) -> bool:
        if self._tokens and self._tokens[0] == ("mark", mark):
            self._tokens.pop(0)
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._mark(mark):
            raise self._bad(f"{mark!r} is missing")

    def _either(self) -> Test:
        tests = [self._both()]
        while self._keyword("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._keyword("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._keyword("not"):
            test = self._one()
            return lambda document: not test(document)
        if self._mark("("):
            test = self._either()
            self._need(")")
            return test
        if not self._tokens or self._tokens[0][0] == "mark":
            raise self._bad("a field is missing")
        name = self._tokens.pop(0)[1]
        if name not in self._fields:
            raise self._bad(f"unknown field {name!r}")
        self._need(":")
        return self._values(self._fields[name])

    def _values(self, key: str) -> Test:
        """One value, or several in parentheses joined by one of `and`, `or`."""
        if not self._mark("("):
            return self._value(key)
        tests, joined = [self._value(key)], ""
        while not self._mark(")"):
            word = "or" if self._keyword("or") else "and" if self._keyword("and") else ""
            if not word or (joined and word != joined):
                raise self._bad("a list of values must be joined by one of `and`, `or`")
            joined = word
            tests.append(self._value(key))
        every = any if joined == "or" else all
        return lambda document: every(test(document) for test in tests)

    def _value(self, key: str) -> Test:
        if not self._tokens or self._tokens[0][0] == "mark":
            raise self._bad("a value is missing")
        kind, value = self._tokens.pop(0)
        if kind == "word" and "*" in value:
            return lambda document: any(fnmatch.fnmatchcase(text, _glob(value)) for text in _texts(document.get(key)))
        return lambda document: value in _texts(document.get(key))


def _glob(value: str) -> str:
    return value.replace("[", "[[]").replace("?", "[?]")


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]
