"""Trying mutants on the cases of their rule, in the processes of a run."""

import json
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from deployer.manifest import rules
from deployer.manifest import tests
from deployer.manifest.rules import RuleBook
from deployer.manifest.tests import CaseBook
from deployer.model import Platform
from tests.mutants.cases import Bench
from tests.mutants.cases import Refused
from tests.mutants.mutant import Mutant
from tests.mutants.of_rule import mutants

Killers = Mapping[str, str]
"""Mutant, as text, and the name of the case that killed it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    mutant: Mutant
    outcome: str
    """killed, refused or survived."""
    by: str
    """The case that killed it, or why it was refused."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A share of the mutants of one half."""

    rule: str
    platform: Platform
    verdicts: tuple[Verdict, ...]
    failing: tuple[str, ...]
    """Cases that do not pass with the rule as it is; they kill nothing."""


@lru_cache
def books(root: Path) -> tuple[RuleBook, CaseBook]:
    book = rules.read(root)
    return book, tests.read(root, book)


def attempt(root: Path, name: str, platform: Platform, share: range, killers: Killers) -> Tried:
    """Try a share of the mutants of one half; the whole of `killers` is what killed the last time."""
    book, found = books(root)
    rule, test = book.rules[name], found.tests.get(name)
    every = list(mutants(rule, platform, book.categories))
    with Bench(rule, platform, test.cases if test else (), book.categories) as bench:
        verdicts = tuple(judge(bench, every[number], killers) for number in share if number < len(every))
        # One share is enough to tell of cases that fail without any change.
        failing = tuple(bench.failing()) if share.start == 0 else ()
        return Tried(name, platform, verdicts, failing)


def judge(bench: Bench, mutant: Mutant, killers: Killers = MappingProxyType({})) -> Verdict:
    """Tries first what killed it the last time, then what killed last: what broke one line often breaks the next.

    Cases that tune nothing share one text of the query, which is translated once: they go before the others.
    """
    known = killers.get(str(mutant))
    for one in sorted(bench.cases, key=lambda one: (one.case.name != known, one.is_tuned)):
        answer = bench.kills(mutant, one)
        if isinstance(answer, Refused):
            return Verdict(mutant, "refused", answer.reason)
        if answer:
            bench.cases.remove(one)
            bench.cases.insert(0, one)
            return Verdict(mutant, "killed", one.case.name)
    return Verdict(mutant, "survived", "")


def read_killers(file: Path) -> dict[str, str]:
    """What `write_killers` wrote; nothing where it cannot be read, for it saves time only."""
    try:
        found: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found


def write_killers(file: Path, tried: Iterable[Tried]) -> None:
    """Keep the case that killed each mutant for the next run."""
    found = {str(one.mutant): one.by for each in tried for one in each.verdicts if one.outcome == "killed"}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**read_killers(file), **found}))
