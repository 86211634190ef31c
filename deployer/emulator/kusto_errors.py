"""What the query service says of a query that is wrong: the innermost parts of its 400.

Source: bodies recorded by the tests of the Azure client libraries and quoted in reports. The service names the operator
in front of what it cannot resolve; here it is read from the query's text around the name.
"""

from __future__ import annotations

import re

from deployer.emulator.calls import Document
from deployer.errors import BadQuery

_SYNTAX = "A recognition error occurred in the query."
_SEMANTIC = "A semantic error occurred."
# How the engine begins when it cannot read a query, and when it does not find a name.
_UNREADABLE = "cannot be read"
_TABLE = re.compile(r"there is no table (\w+)")
_COLUMN = re.compile(r"there is no column (\w+)")
_FUNCTION = re.compile(r"there is no function (\w+)")
_OPERATOR = re.compile(r"\|\s*([a-z][\w-]*)")


def inner_error(error: BadQuery, query: str) -> Document:
    """`innererror` of the answer: a syntax error with its place, or a semantic one."""
    if str(error).startswith(_UNREADABLE):
        return {"code": "SyntaxError", "message": _SYNTAX, "innererror": _unreadable(error, query)}
    return {"code": "SemanticError", "message": _SEMANTIC, "innererror": _unresolved(error, query)}


def missing_table(error: BadQuery) -> str | None:
    """The table that is not there, where that is what is wrong."""
    found = _TABLE.match(str(error))
    return found[1] if found else None


def _unreadable(error: BadQuery, query: str) -> Document:
    line, column = error.line or 1, error.column or 1
    rest = (query.splitlines()[line - 1 : line] or [""])[0][column - 1 :]
    token = (re.match(r"\w+|\S", rest) or [""])[0]
    text = f"Query could not be parsed at '{token}' on line [{line},{column - 1}]"
    return {"code": "SYN0002", "message": text, "line": line, "pos": column - 1, "token": token}


def _unresolved(error: BadQuery, query: str) -> Document:
    if (name := missing_table(error)) is not None:
        text = f"{_operator(error, query)}Failed to resolve table or column expression named '{name}'"
    elif found := _COLUMN.match(str(error)):
        text = f"{_operator(error, query)}Failed to resolve scalar expression named '{found[1]}'"
    elif found := _FUNCTION.match(str(error)):
        return {"code": "SEM0260", "message": f"Unknown function: '{found[1]}'."}
    else:
        text = str(error)
    return {"code": "SEM0100", "message": text}


def _operator(error: BadQuery, query: str) -> str:
    """The operator at fault, as a prefix: the one after a table, the one that a column stands in; "" if unknown."""
    if error.line is None or error.column is None:
        return ""
    at = sum(len(line) for line in query.splitlines(keepends=True)[: error.line - 1]) + error.column - 1
    after, before = _OPERATOR.search(query, at), _OPERATOR.findall(query, 0, at)
    found = after[1] if missing_table(error) is not None and after else before[-1] if before else None
    return f"'{found}' operator: " if found else ""
