"""What lets something through and what does not, in words and as JSON."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from deployer.allowlist import excepted
from deployer.allowlist.answers import Answer
from deployer.allowlist.answers import At
from deployer.allowlist.answers import Excepted
from deployer.allowlist.answers import Ground
from deployer.allowlist.answers import Question
from deployer.allowlist.words import named
from deployer.allowlist.words import place
from deployer.allowlist.words import places
from deployer.allowlist.words import until
from deployer.model import Platform
from deployer.report import allowlists
from deployer.report.wording import plain


def text(answer: Answer) -> str:
    """The answer for people."""
    return "\n".join(map(plain, _lines(answer))) + "\n"


def document(environment: str, code: int, answer: Answer) -> dict[str, Any]:
    """The same for scripts."""
    asked = answer.question
    return {
        **allowlists.head("explain", environment, code),
        "tenant": answer.tenant,
        "asked": {"what": asked.what, "host": asked.host, "process": asked.process, "port": asked.port},
        "refusals": allowlists.refusals_document(answer.refusals),
        "entries": [
            {
                **allowlists.entry_document(one.entry, one.category),
                "allows": one.allows,
                "only": list(one.limits),
                "fails": list(one.fails),
                "targets": _targets(one.at),
            }
            for one in answer.grounds
        ],
        "exceptions": [
            {
                **allowlists.exception_document(one.exemption),
                "platform": one.platform,
                "allows": one.allows,
                "only": list(one.limits),
                "fails": list(one.fails),
                "taken_as": one.taken,
                "among": list(one.among),
                "targets": _targets(one.at),
            }
            for one in answer.exceptions
        ],
        "not_allowed": [{"target": one.target, "rule": one.rule, "reason": one.reason} for one in answer.silent],
        "disabled": [{"target": target, "rule": rule} for target, rule in answer.disabled],
        "notes": list(answer.notes),
    }


def _targets(found: Iterable[At]) -> list[dict[str, Any]]:
    return [
        {"target": at.target, "platform": at.platform, "rules": list(at.rules), "becomes": at.becomes} for at in found
    ]


def _lines(answer: Answer) -> Iterator[str]:
    if answer.refusals:
        yield f"{answer.tenant}: what it allows cannot be told"
        yield from (line for one in answer.refusals for line in allowlists.refusal(one))
        return
    yield f"{answer.tenant}: {_asked(answer.question)}"
    off = set(answer.disabled)
    for ground in answer.grounds:
        yield from _ground(ground, answer.question, off)
    for exception in answer.exceptions:
        yield from _exception(exception, answer.question, off)
    why: dict[str, list[tuple[str, str]]] = {}
    for one in answer.silent:
        why.setdefault(one.reason, []).append((one.rule, one.target))
    if why:
        yield "  no entry lets it through"
    for reason, found in why.items():
        yield f"      in {_rules(found, off)}: {reason}"
    yield from (f"  {note}" for note in answer.notes)


def _ground(one: Ground, asked: Question, off: set[tuple[str, str]]) -> Iterator[str]:
    rules = [(rule, at.target) for at in one.at for rule in at.rules]
    if one.allows:
        yield f"  allowed by {named(one.entry)} in {one.category.name}, {until(one.entry)} ({places(one.entry)})"
        if how := [*([f"only {', '.join(one.limits)}"] if one.limits else []), *_ports(one, asked)]:
            yield f"      {', '.join(how)}"
    else:
        yield f"  not allowed by {named(one.entry)} in {one.category.name} ({places(one.entry)})"
        yield from _each(one.fails)
    yield f"      in {_rules(rules, off)}" if rules else "      in no rule: none there honours the category"
    if one.allows:
        yield from (f"      {at.target}: {at.becomes}" for at in one.at)


def _exception(one: Excepted, asked: Question, off: set[tuple[str, str]]) -> Iterator[str]:
    """A free-form exception: of Sentinel, whose query is not judged, only what is added to it."""
    own, end, where = one.exemption, until(one.exemption), place(one.exemption.location)
    if one.platform is Platform.SENTINEL:
        values = ", ".join(map(str, own.values))
        yield f"  an exception {'adds' if not one.fails else 'added'} {values} to `let {own.let}`, {end} ({where})"
        told = "; ".join(one.among) or "nothing that was asked about is among them"
        yield from _each(one.fails) if one.fails else [f"      {told}; how the query compares is not judged here"]
    else:
        what = " and ".join(excepted.conditions(own.kibana))
        only = f" only where {' and '.join(one.limits)}," if one.limits and not one.fails else ""
        yield f"  {'not ' if one.fails else ''}let through{only} by the exception {what}, {end} ({where})"
        yield from [f"      {asked.what} taken as {one.taken}"] if one.taken else []
        yield from _each(one.fails)
    yield f"      in {_rules([(rule, at.target) for at in one.at for rule in at.rules], off)}"
    if not one.fails:
        yield from (f"      {at.target}: {at.becomes}" for at in one.at)


def _each(reasons: Iterable[str]) -> list[str]:
    return [f"      {reason}" for reason in reasons]


def _ports(one: Ground, asked: Question) -> list[str]:
    """Said where the port is no limit and was not asked about."""
    return [] if one.entry.ports or one.category.ports or asked.port is not None else ["on every port"]


def _rules(found: Iterable[tuple[str, str]], off: set[tuple[str, str]]) -> str:
    """Rules with their targets, those of the same targets together: `a, b (kibana, sentinel); c (kibana)`."""
    targets: dict[str, list[str]] = {}
    for rule, target in found:
        targets.setdefault(rule, []).append(target)
    groups: dict[tuple[str, ...], list[str]] = {}
    for rule, there in targets.items():
        disabled = all((target, rule) in off for target in there)
        groups.setdefault(tuple(there), []).append(f"{rule} [disabled]" if disabled else rule)
    return "; ".join(f"{', '.join(rules)} ({', '.join(there)})" for there, rules in groups.items())


def _asked(question: Question) -> str:
    words = [question.what]
    words += [f"on {question.host}"] if question.host else []
    words += [f"by {question.process}"] if question.process else []
    words += [f"port {question.port}"] if question.port else []
    return " ".join(words)
