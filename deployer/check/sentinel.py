"""Sentinel's half of a rule: its query compiled, its alert held against the columns that come out."""

from collections.abc import Iterator
from collections.abc import Mapping

from deployer import queries
from deployer.check import columns
from deployer.check import kql
from deployer.check import lookback
from deployer.check import rendered
from deployer.check.subjects import Subject
from deployer.check.workbench import Said
from deployer.check.workbench import Workbench
from deployer.findings import Finding


def written(subject: Subject, bench: Workbench) -> Iterator[Finding]:
    """Everything about a rule as it stands in rules/."""
    yield from kql.findings(subject)
    yield from lookback.findings(subject, {})
    compiled = bench.compile(subject.half.query, subject.half.data)
    for said in compiled.said:
        yield _finding(subject, said, said.line)
    yield from columns.findings(subject, compiled.columns)


def tuned(subject: Subject, query: str | None, bench: Workbench, seen: set[tuple[str, ...]]) -> Iterator[Finding]:
    """What is wrong with it at one target only: its overlays and allowlists.

    `query` is the one that the target is to get, None where it cannot be made (the codec has said why). `seen` holds
    the forms of lets that were compiled already, for whichever target, and takes in those of this one.
    """
    own = subject.half.query
    yield from lookback.findings(subject, _literals(subject))
    compiled = bench.compile(own, subject.half.data)
    if subject.has_own_query:  # of the query in rules/ `written` has said it
        yield from kql.findings(subject)
        for said in compiled.said:
            yield _finding(subject, said, said.line)
    yield from columns.findings(subject, compiled.columns)
    new = rendered.forms(subject.rule.id, own, query) - seen if query is not None else frozenset()
    if not new or query is None or not compiled.sound:
        return
    seen |= new
    for said in bench.compile_variant(query, subject.half.data).said:
        if not any((said.code, said.message) == (each.code, each.message) for each in compiled.said):
            yield _finding(subject, said, rendered.line_in_file(own, query, said.line or 1))


def _finding(subject: Subject, said: Said, line: int | None) -> Finding:
    where = subject.in_query(line, said.column if not subject.target else 1)
    message = said.message if not subject.target else f"as {subject.target} would get it: {said.message}"
    return Finding(said.code, f"{subject.rule.id}: {message}", said.severity, where)


def _literals(subject: Subject) -> Mapping[str, str]:
    """The parameters as KQL; what has another type than its let is left out, the codec says so."""
    lets = {let.name: let for let in queries.lets(subject.half.query)}
    found = {}
    for name, value in subject.half.parameters.items():
        try:
            found[name] = queries.literal(value, lets[name])
        except (KeyError, ValueError):
            continue
    return found
