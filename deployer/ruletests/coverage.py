"""What the rule tests leave unshown. Pure; nothing is run."""

from collections.abc import Iterator

from deployer.cases import RuleTest
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.manifest.rules import RuleBook
from deployer.manifest.tests import CaseBook
from deployer.model import Platform
from deployer.model import Rule


def missing(book: RuleBook, tests: CaseBook) -> list[Finding]:
    """A warning for each half of a rule that no case shows to fire, or none shows to keep still.

    `check` calls it with `rules.read(root)` and `tests.read(root, book)`. A rule whose tests.yaml has errors is left
    out: what it would show cannot be told, and the errors are said already.
    """
    return [
        finding
        for name, rule in sorted(book.rules.items())
        if name not in tests.broken
        for finding in _missing(rule, tests.tests.get(name))
    ]


def _missing(rule: Rule, test: RuleTest | None) -> Iterator[Finding]:
    where = test.location if test else rule.location
    for platform in Platform:
        if rule.on(platform) is None:
            continue
        halves = [case.halves[platform] for case in (test.cases if test else ()) if platform in case.halves]
        expected = [half.matches.count for half in halves]
        if not any(expected):
            what = "no case that it must find" if expected else "no case"
            message = f"the {platform} half has {what}: nothing shows that it can fire"
            yield Finding("rule-test-missing", message, Severity.WARNING, where)
        elif all(expected):
            message = f"the {platform} half has no case that it must leave alone (`matches: 0`)"
            yield Finding("rule-test-missing", message, Severity.WARNING, where)
