"""GitHub's expressions, as far as our workflows use them. What is not known fails the test, where GitHub would go on
with an empty text."""

import json
import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>==|!=|&&|\|\||[!()]))")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class Unknown(AssertionError):
    """An expression that these tests cannot say the value of."""


def resolved(text: str, context: Mapping[str, Any]) -> str:
    """`text` with every `${{ … }}` replaced."""
    return _EXPRESSION.sub(lambda match: _shown(evaluate(match[1], context)), text)


def condition(text: str, context: Mapping[str, Any]) -> bool:
    """The value of an `if:`; without a function that asks for the state, success() is meant as well."""
    match = _EXPRESSION.fullmatch(text)
    inner = match[1] if match else text
    value = bool(evaluate(inner, context))
    asks = re.search(r"\b(always|cancelled|failure|success)\(", inner)
    return value and (bool(asks) or bool(context["success"]))


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """The value of an expression."""
    reader = _Reader(expression, context)
    value = reader.either()
    if reader.tokens:
        raise Unknown(f"{expression!r}: what is {reader.tokens[0]!r}?")
    return value


class _Reader:
    def __init__(self, expression: str, context: Mapping[str, Any]) -> None:
        self.expression = expression
        self.context = context
        self.tokens: list[str] = []
        place, text = 0, expression.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if not match:
                raise Unknown(f"{expression!r}: cannot read {text[place:]!r}")
            self.tokens.append(match[0].strip())
            place = match.end()

    def either(self) -> Any:
        value = self.both()
        while self._next("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self._next("&&"):
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Any:
        value = self.single()
        for sign, same in (("==", True), ("!=", False)):
            if self._next(sign):
                return (str(value) == str(self.single())) is same
        return value

    def single(self) -> Any:
        if self._next("!"):
            return not self.single()
        if self._next("("):
            value = self.either()
            self._require(")")
            return value
        if not self.tokens:
            raise Unknown(f"{self.expression!r}: ends too early")
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self._next("("):
            return self._call(token)
        return self._look_up(token)

    def _call(self, name: str) -> Any:
        if name == "fromJSON":
            value = json.loads(self.either())
            self._require(")")
            return value
        self._require(")")
        known = {"always": True, "cancelled": False, "success": self.context["success"]}
        if name not in known:
            raise Unknown(f"{self.expression!r}: what is {name}()?")
        return known[name]

    def _look_up(self, name: str) -> Any:
        value: Any = self.context
        for part in name.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise Unknown(f"{self.expression!r}: there is no {name}")
            value = value[part]
        return value

    def _next(self, sign: str) -> bool:
        if self.tokens[:1] != [sign]:
            return False
        self.tokens.pop(0)
        return True

    def _require(self, sign: str) -> None:
        if not self._next(sign):
            raise Unknown(f"{self.expression!r}: {sign} is missing")


def _shown(value: Any) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise Unknown(f"{value!r} is no text")
