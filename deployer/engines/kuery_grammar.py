r"""The grammar of kuery, and the words in which a fault of a query is told.

It accepts what Kibana's own parser accepts, oddities included (read in kbn-es-query's grammar, versions 8.4 to 9.x):
- an unquoted value runs on over spaces up to an operator, so `a: 1 and` is the value "1 and", while `a: 1 and ` with
  a blank after it is a fault;
- `not(a:1)` is a fault: `not` needs a blank after it, and it is no operand of another `not`;
- `\t`, `\n`, `\r` and `\u0041` are escapes in quoted and in unquoted texts; `"C:\Windows"` keeps its backslash;
- within an unquoted text `\` must stand before one of `\():<>"*{}`, an escape above, or the words and, or, not;
- values are grouped as `field: (a or b and not c)`; a range takes one value.
"""

import re
from functools import lru_cache
from typing import Any

import lark

from deployer.engines.kuery_nodes import And
from deployer.engines.kuery_nodes import Everything
from deployer.engines.kuery_nodes import Expression
from deployer.engines.kuery_nodes import Is
from deployer.engines.kuery_nodes import Nested
from deployer.engines.kuery_nodes import Not
from deployer.engines.kuery_nodes import Operator
from deployer.engines.kuery_nodes import Or
from deployer.engines.kuery_nodes import Range
from deployer.engines.kuery_nodes import Value
from deployer.errors import BadQuery

# The blank of kuery: no other white space separates words.
_BLANK = r"[ \t\r\n\u00A0]"
_KEYWORD = rf"(?:{_BLANK}+(?:or|and){_BLANK}+|not{_BLANK}+)"
_ESCAPE = r'\\(?:[trn]|[\\():<>"*{}]|u[0-9a-fA-F]{4}|(?i:or|and|not))'

# Lark reads a backslash before a quote as the quote alone, hence ["\\] and not [\\"].
# A keyword ends an unquoted text wherever it begins: also the `not ` of "cannot connect".
_GRAMMAR = rf"""
start: either?
?either: all (_OR all)*
?all: negation (_AND negation)*
?negation: _NOT operand -> negated
    | operand
?operand: "(" either ")"
    | name ":" "{{" either "}}" -> nested
    | name RANGE literal -> range
    | name ":" values -> values_of
    | value
name: literal
?values: "(" any_value ")"
    | value
?any_value: all_values (_OR all_values)* -> either
?all_values: one_value (_AND one_value)* -> all
?one_value: _NOT values -> negated
    | values
value: literal
literal: QUOTED | UNQUOTED

_OR.3: /{_BLANK}+or{_BLANK}+/i
_AND.3: /{_BLANK}+and{_BLANK}+/i
_NOT.3: /not{_BLANK}+/i
RANGE: "<=" | ">=" | "<" | ">"
QUOTED: /"(?:\\["\\]|\\(?!["\\])|[^"\\])*"/
UNQUOTED: /(?!{_BLANK})(?:{_ESCAPE}|(?!(?i:{_KEYWORD}))[^\\():<>"{{}}])+/
BLANK: /{_BLANK}+/
%ignore BLANK
"""
_QUOTED_ESCAPE = re.compile(r'\\([trn]|u[0-9a-fA-F]{4}|[\\"])')
_UNQUOTED_ESCAPE = re.compile(r'\\([trn]|u[0-9a-fA-F]{4}|[\\():<>"*{}]|(?:or|and|not))|(\*)', re.IGNORECASE)
_CONTROLS = {"t": "\t", "r": "\r", "n": "\n"}


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """The query as an expression; `BadQuery` with line and column where Kibana would refuse it."""
    try:
        tree = _parser().parse(text)
    except lark.exceptions.UnexpectedInput as fault:
        raise _told(fault, text) from None
    try:
        expression: Expression = _Build().transform(tree)
    except lark.exceptions.VisitError as fault:
        # Lark wraps whatever is raised while it builds, too deep a nesting too.
        raise fault.orig_exc from None
    return expression


@lru_cache(maxsize=1)
def _parser() -> lark.Lark:
    return lark.Lark(_GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=True)


class _Build(lark.Transformer[lark.Token, Any]):
    """Values of a group are built without their field, which `values_of` puts in."""

    def start(self, children: list[Expression]) -> Expression:
        return children[0] if children else Everything()

    def either(self, children: list[Expression]) -> Expression:
        return children[0] if len(children) == 1 else Or(tuple(children))

    def all(self, children: list[Expression]) -> Expression:
        return children[0] if len(children) == 1 else And(tuple(children))

    def negated(self, children: list[Expression]) -> Expression:
        return Not(children[0])

    def nested(self, children: list[Any]) -> Expression:
        return Nested(*children)

    def range(self, children: list[Any]) -> Expression:
        field, operator, value = children
        return Range(field, Operator(str(operator)), value)

    def values_of(self, children: list[Any]) -> Expression:
        field, values = children
        return _with_field(field, values)

    def name(self, children: list[Value]) -> Value:
        return children[0]

    def value(self, children: list[Value]) -> Expression:
        return Is(None, children[0])

    def literal(self, children: list[lark.Token]) -> Value:
        [token] = children
        quoted = token.type == "QUOTED"
        parts = (_unescape_quoted(token),) if quoted else _cut(token)
        return Value(parts, quoted, token.line or 1, token.column or 1)


def _with_field(field: Value, values: Expression) -> Expression:
    match values:
        case Is(None, value):
            return Is(field, value)
        case Not(operand):
            return Not(_with_field(field, operand))
        case And(operands):
            return And(tuple(_with_field(field, operand) for operand in operands))
        case Or(operands):
            return Or(tuple(_with_field(field, operand) for operand in operands))
        case _:
            return values


def _unescape_quoted(token: str) -> str:
    return _QUOTED_ESCAPE.sub(lambda match: _character(match[1]), token[1:-1])


def _cut(token: str) -> tuple[str, ...]:
    """The text cut at its wildcards, blanks around it gone, escapes resolved."""
    parts, start = [""], 0
    for match in _UNQUOTED_ESCAPE.finditer(token):
        parts[-1] += token[start : match.start()]
        if match[2]:
            parts.append("")
        else:
            parts[-1] += _character(match[1])
        start = match.end()
    parts[-1] += token[start:]
    parts[0] = parts[0].lstrip()
    parts[-1] = parts[-1].rstrip()
    return tuple(parts)


def _character(escape: str) -> str:
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    return _CONTROLS.get(escape, escape)


def _told(fault: lark.exceptions.UnexpectedInput, text: str) -> BadQuery:
    """The fault in words that say what to mend, at the place where the query stops making sense."""
    ended = isinstance(fault, lark.exceptions.UnexpectedToken) and fault.token.type == "$END"
    position = len(text) if ended else int(getattr(fault, "pos_in_stream", None) or 0)
    return BadQuery(_problem(text, position), *_place(text, position))


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _problem(text: str, position: int) -> str:
    rest = text[position:]
    before = text[:position].rstrip()
    word = re.search(r"(?i)\b(and|or|not)$", before)
    if rest[:1] == '"':
        closed = re.match(r'"(?:\\[\\"]|\\(?![\\"])|[^"\\])*"', rest)
        if not closed:
            return 'a quote is opened here and never closed; a quote inside a quoted text is written \\"'
        return "a quoted text stands where and, or or a closing bracket is expected"
    if not rest.strip():
        if word:
            return f"nothing follows `{word[1]}`"
        if before.endswith((":", "<", ">", "=")):
            return "no value follows the operator"
        return "the query ends too early: a bracket is still open"
    if rest[0] == "\\":
        return "a backslash stands before a character that needs no escape; write \\\\ for a backslash"
    if rest[0] == ":":
        return 'a colon stands where none can; quote a value that holds one, such as "::1/128"'
    if rest[0] in "<>":
        return "a comparison stands where none can; quote a value that holds < or >"
    if rest[0] in ")}":
        return f"`{rest[0]}` closes nothing, or closes a group that is not complete"
    if rest[0] in "({":
        return f"`{rest[0]}` stands where none can; and, or or not needs a blank before a bracket"
    return f"`{rest.split()[0]}` stands where none can"
