"""What lets something through and what does not, in words and as JSON."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from deployer.allowlist.answers import Answer
from deployer.allowlist.answers import Ground
from deployer.allowlist.answers import Question
from deployer.allowlist.words import named
from deployer.allowlist.words import places
from deployer.allowlist.words import until
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
                "targets": [
                    {"target": at.target, "platform": at.platform, "rules": list(at.rules), "becomes": at.becomes}
                    for at in one.at
                ],
            }
            for one in answer.grounds
        ],
        "not_allowed": [{"target": one.target, "rule": one.rule, "reason": one.reason} for one in answer.silent],
        "disabled": [{"target": target, "rule": rule} for target, rule in answer.disabled],
        "notes": list(answer.notes),
    }


def _lines(answer: Answer) -> Iterator[str]:
    if answer.refusals:
        yield f"{answer.tenant}: what it allows cannot be told"
        yield from (line for one in answer.refusals for line in allowlists.refusal(one))
        return
    yield f"{answer.tenant}: {_asked(answer.question)}"
    off = set(answer.disabled)
    for ground in answer.grounds:
        yield from _ground(ground, answer.question, off)
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
        yield from (f"      {plain(reason)}" for reason in one.fails)
    yield f"      in {_rules(rules, off)}" if rules else "      in no rule: none there honours the category"
    if one.allows:
        yield from (f"      {at.target}: {at.becomes}" for at in one.at)


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
