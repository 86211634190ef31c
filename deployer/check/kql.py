"""What can be said of a KQL query from its text alone."""

import re
from collections.abc import Iterator

from deployer import queries
from deployer.check.subjects import Subject
from deployer.findings import Finding
from deployer.providers.sentinel.fitting import QUERY_LIMIT

_EVERYTHING = re.compile(r"\b(search|union)\b(?:\s+\w+\s*=\s*\w+)*\s+\*")
_WATCHLIST = re.compile(r"\b_GetWatchlist\s*\(")
_ELSEWHERE = re.compile(r"\b(workspace|cluster|app|resource)\s*\(")
_LITERAL = re.compile(r"""\s*@?["']([^"']*)["']""")


def findings(subject: Subject) -> Iterator[Finding]:
    """What the service refuses or what fails there later, whatever the tables hold."""
    query = subject.half.query
    code = queries.code(query)
    for match in _EVERYTHING.finditer(code):
        message = f"Sentinel refuses `{match[1]} *`: name the tables"
        yield subject.error("reads-everything", message, subject.in_query(*queries.place(query, match.start())))
    for match in _WATCHLIST.finditer(code):
        named = _LITERAL.match(query, match.end())
        alias = f"the watchlist {named[1]!r}" if named else "a watchlist"
        message = f"{alias} is not brought by deployer: where a workspace lacks it, the rule cannot be written"
        yield subject.warning("watchlist", message, subject.in_query(*queries.place(query, match.start())))
    for match in _ELSEWHERE.finditer(code):
        message = (
            f"{match[1]}() reads another workspace: it runs with the rights of whoever writes the rule, and Sentinel "
            "switches the rule off when they end; deploy the rule there instead"
        )
        yield subject.warning("reads-elsewhere", message, subject.in_query(*queries.place(query, match.start())))
    length = len(query.strip())
    if length > QUERY_LIMIT and not subject.deployed:  # the codec says so of every target
        message = f"the query has {length:,} characters, Sentinel takes {QUERY_LIMIT:,}"
        yield subject.error("query-too-long", message, subject.in_query(1, 1))
