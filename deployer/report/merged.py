"""The report of a whole run, made from its JSON document: short, what went wrong first, every target counted.

What the document says comes from live systems as much as what a run has read itself, and is made harmless alike.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.diff import FieldChange
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.outcome import DIFFERENT
from deployer.outcome import DONE
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.outcome import Place
from deployer.outcome import Verified
from deployer.report import as_markdown
from deployer.report import as_text
from deployer.report import drifted
from deployer.report import grouped
from deployer.report import summed
from deployer.report.rows import Row
from deployer.report.rows import rows_in
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.state import Key
from deployer.state import Kind

Document = Mapping[str, Any]
Section = tuple[str, Sequence[str]]
"""A title and its lines."""

_PENDING = "pending"
_BY_CHANGE = ("plan", "apply", "rollback", "tenants retire")
"""Verbs whose targets are told together, by change."""


def text(document: Document) -> str:
    """The report as text."""
    told = [line for title, lines in _sections(document) for line in (title, *lines, "")]
    return "\n".join([*told, *_top(document), *_digest(document, plain)]) + "\n"


def markdown(document: Document) -> str:
    """The report for GitHub."""
    top = [*_top(document), *_digest(document, lambda digest: f"`{digest}`")]
    if document.get("findings") or "error" in document:
        top = ["**Not all of it is known, or not all of it is right: see the first section.**", "", *top]
    verb, environment = document["verb"], document["environment"]
    if verb not in _BY_CHANGE:
        return as_markdown.told(verb, environment, top, list(_sections(document)))
    first = [grouped.Section(title.removesuffix(":"), tuple(lines)) for title, lines in _run(document)]
    return as_markdown.by_change(verb, environment, top, [*first, *_parts(document)])


# -- all of it --------------------------------------------------------------------------------------------------------


def _sections(document: Document) -> Iterator[Section]:
    """What is said of the run, then the targets that there is something to say of, the gravest first."""
    yield from _run(document)
    if document["verb"] in _BY_CHANGE:
        for part in _parts(document):
            yield f"{part.title}{':' if part.lines else '.'}", part.lines
        return
    for target in sorted(document["targets"], key=_gravity):
        title, *lines = _target(target, document["environment"])
        if lines or target["exit_code"] != DONE:
            yield title, lines


def _run(document: Document) -> Iterator[Section]:
    said = [f"  x {plain(line)}" for line in document.get("error", "").split("\n") if line]
    said += [f"  x {plain(str(_finding(one)))}" for one in document.get("findings", ())]
    if said:
        yield "Of the run as a whole:", said
    for wave in document.get("waves", ()):
        yield _wave(wave)


def _parts(document: Document) -> list[grouped.Section]:
    """The targets by change, a plan as what is to be done and anything else as what was."""
    return grouped.sections(_rows(document), "plan" if document["verb"] == "plan" else "apply")


def _rows(document: Document) -> list[Row]:
    """The targets of a plan. What one keeps of what others change is known only to its own shard: it is told where
    every shard has changes of that, and else not at all, rather than with a number that is too small."""
    rows = rows_in(document)
    homes = {
        tenant: shard["index"] for shard in document.get("merged", {}).get("shards", ()) for tenant in shard["tenants"]
    }
    seen = {homes.get(row.tenant) for row in rows if row.seen}
    moving: dict[tuple[str, ...], set[Any]] = {}
    for row in rows:
        for change in row.changes:
            for field in change.fields:
                where = (row.platform, change.kind, change.id, field.path)
                moving.setdefault(where, set()).add(homes.get(row.tenant))
    return [
        replace(row, kept=tuple(k for k in row.kept if moving.get((row.platform, k.kind, k.id, k.path)) == seen))
        for row in rows
    ]


def _top(document: Document) -> Iterator[str]:
    """What came of it, in words of ours and numbers."""
    targets = document["targets"]
    yield from summed.lines(document)
    quiet = sum(target["exit_code"] == DONE for target in targets)
    yield f"{quiet} of {len(targets)} in order. Exit code {document['exit_code']}."
    merged = document.get("merged")
    if merged:
        there = len(merged["shards"])
        missing = merged["of"] - there
        yield f"Made of {count(there, 'shard')}{f', {missing} missing' if missing else ''}."


def _digest(document: Document, shown: Callable[[str], str]) -> list[str]:
    """Of a plan that would change something, and that is whole: of part of it nobody has the same digest again."""
    if document.get("findings"):
        return []
    changes = any(target["outcome"] == "planned" and target["changes"] for target in document["targets"])
    return [f"Plan {shown(document['digest'])}."] if changes and "digest" in document else []


def _gravity(target: Document) -> tuple[int, str, str]:
    rank = {"unreadable": 0, "failed": 1}.get(target["outcome"], 4 if target["exit_code"] == DONE else 3)
    if target["exit_code"] not in (DONE, DIFFERENT):
        rank = min(rank, 2)
    return rank, target["tenant"], target["target"] or ""


def _wave(wave: Document) -> Section:
    title = f"Wave {wave['number']} ({plain(wave['name'])}), {count(len(wave['tenants']), 'tenant')}"
    said = ": ".join(plain(wave[name]) for name in ("outcome", "reason") if wave[name])
    return f"{title}: {said}", [f"  x {plain(one['tenant'])}: {plain(one['reason'])}" for one in wave["failures"]]


# -- one target -------------------------------------------------------------------------------------------------------


def _target(target: Document, environment: str) -> list[str]:
    """The title, and what there is to say."""
    place = plain(f"{target['tenant']}/{target['target']}" if target["target"] else target["tenant"])
    remarks = [f"  {plain(str(_finding(one)))}" for one in target["findings"]]
    match target["outcome"]:
        case "unreadable":
            return [f"{place}: not looked at: {plain(target.get('error') or 'the document does not say why')}"]
        case "failed" if not target["changes"] and remarks:
            word = "refused" if target["fails_run"] else "stopped, nothing was written there"
            return [f"{place}: {word}:", *remarks]
        case "verified":
            return as_text.lines(_verified(target), environment)
        case _:
            return [f"{place}: {_said(target)}", *_lines(target), *remarks]


def _said(target: Document) -> str:
    if target["changes"]:
        return count(len(target["changes"]), "difference")
    return plain(target["outcome"]) if target["exit_code"] else f"in order ({count(target['unchanged'], 'object')})"


def _lines(target: Document) -> Iterator[str]:
    for change in target["changes"]:
        yield from _change(change)
    for one in _dicts(target, "rules"):  # of a backtest
        yield f"  {plain(str(one.get('rule')))}: {_raised(one)}"
    for one in _dicts(target, "taken"):  # of a pull, as what follows
        yield f"  ~ {_where(one)}"
    for one in _dicts(target, "left"):
        yield f"  x {_where(one)}: {plain(str(one.get('reason')))}"
    for one in _dicts(target, "adoptions"):
        yield f"  {plain(str(one.get('outcome')))}: {plain(str(one.get('name')))} {plain(str(one.get('reason') or ''))}"


def _change(change: Document) -> Iterator[str]:
    """A difference that `drift` found."""
    key, gone = plain(f"{change['kind']}/{change['id']}"), change["action"] == "create"
    yield f"  {'x' if gone else '~'} {key} ({change['cause']})"
    if change.get("note"):
        yield f"      {plain(change['note'])}"
    if change["cause"] != _PENDING and (change.get("edited_by") or change.get("edited_at")):
        yield f"      last edited by {plain(change.get('edited_by') or 'somebody')}{_when(change.get('edited_at'))}"
    if change["cause"] != _PENDING and not gone:
        for one in change["fields"]:
            yield from drifted.field_lines(FieldChange(one["path"], one.get("before"), one.get("after")))


def _when(moment: str | None) -> str:
    return f" at {datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S %Z}".rstrip() if moment else ""


def _where(one: Document) -> str:
    return plain(": ".join(str(part) for part in (one.get("target"), one.get("id"), one.get("path")) if part))


def _raised(rule: Document) -> str:
    alerts = rule.get("alerts")
    if not isinstance(alerts, dict):
        return f"not looked at: {plain(str(rule.get('error') or rule.get('note') or ''))}"
    least = "" if rule.get("whole") else "at least "
    return f"{least}{plain(str(alerts.get('with')))} alerts, {plain(str(alerts.get('without')))} without allowlists"


def _dicts(target: Document, name: str) -> list[Document]:
    found = target.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


# -- back into the model ----------------------------------------------------------------------------------------------


def _finding(told: Document) -> Finding:
    place = Location(told["path"], told.get("line") or 1, told.get("column") or 1) if told.get("path") else None
    return Finding(told["code"], told["message"], Severity(told["severity"]), place)


def _verified(target: Document) -> Verified:
    levels = tuple(
        Level(Key(Kind(one["kind"]), one["id"]), one["level"], Answer(one["answer"]), one["reason"], one["setting"])
        for one in target["levels"]
    )
    place = Place(target["tenant"], target["target"], target["emulated"])
    return Verified(place, levels, tuple(target["required"]))
