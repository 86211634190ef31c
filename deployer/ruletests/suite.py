"""The rule tests of a repository: reading them, and running those that were asked for."""

import gc
import os
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from deployer.cases import Case
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import files
from deployer.manifest import rules
from deployer.manifest import tests
from deployer.model import Category
from deployer.model import Platform
from deployer.model import Rule
from deployer.plan import matches
from deployer.ruletests.coverage import missing
from deployer.ruletests.outcomes import Report
from deployer.ruletests.outcomes import Tested
from deployer.ruletests.run import run_case

_Job: TypeAlias = tuple[Case, Rule, Platform, Mapping[str, Category]]
_WORTH_A_PROCESS = 20
"""Cases that take longer than a process needs to start."""


def known_rules(root: Path) -> tuple[str, ...]:
    """The folders under rules/, whatever is in them."""
    return tuple(name for name in files.listing(root, rules.FOLDER).folders if name != rules.SHARED)


def run_all(root: Path, globs: Sequence[str] = ()) -> Report:
    """Run the cases of the rules that match one of `globs`, or of all rules.

    Raises `InvalidManifest` with every fault of these rules, their tests and what they share, before anything is run;
    `CannotStart` where the engines are not installed. Faults in the folders of other rules are left alone.
    """
    book = rules.read(root)
    found = tests.read(root, book)
    chosen = [name for name in sorted((*book.rules, *book.unreadable)) if not globs or matches(name, globs)]
    faults = [each for each in (*book.findings, *found.findings) if _concerns(each, chosen)]
    if any(each.severity is Severity.ERROR for each in faults):
        raise InvalidManifest(sorted(faults, key=lambda each: (each.location or Location(""), each.message)))
    jobs = [
        (case, book.rules[name], platform, book.categories)
        for name in chosen
        if name in found.tests
        for platform in Platform
        for case in found.tests[name].cases
        if platform in case.halves
    ]
    unshown = [each for each in missing(book, found) if _concerns(each, chosen)]
    return Report(tuple(_run(jobs)), tuple(unshown), tuple(chosen))


def _run(jobs: Sequence[_Job]) -> list[Tested]:
    """Every job, in order. Translating a long query takes most of a case's time, and takes a whole processor: where
    there is enough to do, the cases are shared out among processes, and those with the same query stay together, so
    that the engine translates it once."""
    workers = min(os.cpu_count() or 1, len(jobs) // _WORTH_A_PROCESS)
    if workers < 2:
        return _run_jobs(jobs)
    alike: dict[Hashable, list[int]] = {}
    for number, job in enumerate(jobs):
        alike.setdefault(_query_of(job), []).append(number)
    batches = sorted(alike.values(), key=len, reverse=True)  # the longest first, so that all end at about one time
    found: dict[int, Tested] = {}
    # Not forked: a copy of a process that has threads may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin) as pool:
        try:
            for batch, tested in zip(batches, pool.map(_run_jobs, _of(jobs, batches)), strict=True):
                found.update(zip(batch, tested, strict=True))
        except BrokenProcessPool:
            raise CannotStart("a process that ran cases died, most likely for want of memory") from None
    return [found[number] for number in range(len(jobs))]


def _begin() -> None:
    """Settings of a process that does nothing else: syntax trees are a great many small objects that stay for a
    while, and Python's collector would walk them again and again (a sixth of the time)."""
    gc.set_threshold(200_000, 50, 50)


def _of(jobs: Sequence[_Job], batches: Iterable[Sequence[int]]) -> Iterator[list[_Job]]:
    return ([jobs[number] for number in batch] for batch in batches)


def _run_jobs(jobs: Iterable[_Job]) -> list[Tested]:
    return [run_case(*job) for job in jobs]


def _query_of(job: _Job) -> Hashable:
    """What the query of a case depends on."""
    case, rule, platform, _ = job
    entries = [
        (entry.category, entry.value, entry.hosts, entry.processes, entry.ports, entry.expires)
        for inner in case.allowlists.values()
        for entry in inner
    ]
    return rule.id, platform, str(case.overlay), tuple(entries)


def _concerns(finding: Finding, chosen: Sequence[str]) -> bool:
    """Whether a finding stands in the folder of a chosen rule, or in no rule's folder."""
    match (finding.location.path if finding.location else "").split("/"):
        case ["rules", folder, *_] if folder not in ("allowlists.yaml", rules.SHARED):
            return folder in chosen
        case _:
            return True
