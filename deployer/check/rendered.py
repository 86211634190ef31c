"""Which of the queries that targets are to get must be compiled, and where a line of them stands in the query's file.

A tenant's allowlists and parameters change the right-hand sides of `let` statements and nothing else. What a compiler
minds in one is its form, never a value: which address stands in a list, or how many. So of all targets' queries those
are compiled that bring a condition of a form that no query had before, in whichever rule (a right-hand side knows
nothing of the rest of its query), and those that give a rule a let of another kind than it was seen with (a list that
is computed, for one that is written out). Two hundred tenants cost hardly more than two.
"""

import re

from deployer import queries

_VALUES = re.compile(r"""@?"(?:[^"\\]|\\.)*"|@?'(?:[^'\\]|\\.)*'|datetime\([^)]*\)|\b\d[\w.]*""")
_CALL = re.compile(r"\w*\(")
_BETWEEN = re.compile(r"[{}\n]|\b(?:and|or)\b")
_REPEATED = re.compile(r"\?(?:, \?)+")


def forms(rule_id: str, written: str, rendered: str) -> frozenset[tuple[str, ...]]:
    """What the lets that differ from those of the file bring: their conditions without values, their kinds by rule."""
    own = {let.name: let.value for let in queries.lets(written)}
    changed = [let for let in queries.lets(rendered) if let.value != own.get(let.name)]
    conditions = {(let.name, form) for let in changed for form in _forms(let.value)}
    kinds = {(rule_id, let.name, _kind(let.value)) for let in changed if _kind(let.value) != _kind(own[let.name])}
    return frozenset(conditions | kinds)


def line_in_file(written: str, rendered: str, line: int) -> int:
    """The line of the file that a line of the rendered query comes from; for a let that was filled, one of the let."""
    before = [let for let in queries.lets(rendered) if _lines(rendered, let)[0] <= line]
    if not before:
        return line
    first, last = _lines(rendered, before[-1])
    own = next(let for let in queries.lets(written) if let.name == before[-1].name)
    own_first, own_last = _lines(written, own)
    return min(own_first + line - first, own_last) if line <= last else own_last + line - last


def _lines(text: str, let: queries.Let) -> tuple[int, int]:
    """First and last line of a let's right-hand side."""
    return queries.place(text, let.start)[0], queries.place(text, let.end)[0]


def _forms(value: str) -> set[str]:
    bare = _REPEATED.sub("?", _VALUES.sub("?", value))
    return {part.strip(" ()") for part in _BETWEEN.split(bare)} - {""}


def _kind(value: str) -> str:
    """What a right-hand side begins with: `dynamic(`, `toscalar(`, `(` of a function, nothing for a plain value."""
    return value[: value.find("(") + 1] if _CALL.match(value) else ""
