"""A mutation run over the queries: `make mutants`, or `python -m tests.mutants [--rule GLOB]`.

Every half of every rule is changed in one place at a time (`kql`, `kuery` and `of_rule` say what is changed), and its
cases are run until one fails: the mutant is killed. Printed are the score of each half and every survivor with its line
and its change. `accepted.yaml` lists survivors that no case need kill, each with a reason.

refused   the engine or the codec would not have the mutant, while it runs the rule as it is; counts as killed
skipped   halves in a language that no engine of ours runs

Exit code 1: a survivor that is not accepted, an accepted mutant that is killed or gone, or a case that fails without
any change.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from multiprocessing import get_context
from pathlib import Path

from deployer.model import Platform
from tests.mutants import accepted
from tests.mutants.of_rule import mutants
from tests.mutants.trial import Tried
from tests.mutants.trial import Verdict
from tests.mutants.trial import attempt
from tests.mutants.trial import books
from tests.mutants.trial import read_killers
from tests.mutants.trial import write_killers

ROOT = Path(__file__).resolve().parents[2]
KILLERS = ROOT / ".deployer" / "mutants.json"
"""What killed each mutant the last time is tried first, which makes all runs but the first some times faster."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="A mutation run over the queries.")
    parser.add_argument("--rule", action="append", metavar="GLOB", help="only rules that match; may be repeated")
    parser.add_argument("--platform", choices=[each.value for each in Platform], help="only this platform's halves")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--killers", action="store_true", help="also say what killed each mutant")
    chosen = parser.parse_args(arguments)
    start = time.monotonic()
    tried = list(_run(chosen.rule or ["*"], chosen.platform, chosen.workers))
    write_killers(KILLERS, tried)
    faults = list(_report(tried, whole=not chosen.rule and not chosen.platform, killers=chosen.killers))
    _say(f"{time.monotonic() - start:.0f} seconds")
    for fault in faults:
        _say(fault)
    return 1 if faults else 0


def _run(globs: Sequence[str], only: str | None, workers: int) -> Iterator[Tried]:
    """All halves, in shares, largest first; what is not run is said by name."""
    book, found = books(ROOT)
    for finding in (*book.findings, *found.findings):
        _say(f"note: {finding}")
    halves, killers = [], read_killers(KILLERS)
    for name in sorted(book.rules):
        for platform in Platform:
            half = book.rules[name].on(platform)
            if half is None or not any(fnmatchcase(name, glob) for glob in globs) or only not in (None, platform):
                continue
            count = len(list(mutants(book.rules[name], platform, book.categories)))
            if count:
                halves.append((count, name, platform))
            else:
                _say(f"skipped: {name} {platform}: {Path(half.query_location.path).name} is in no language run here")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(attempt, ROOT, name, platform, range(part, count, workers), killers)
            for count, name, platform in sorted(halves, reverse=True)
            for part in range(workers)
        ]
        for one in waiting:
            tried = one.result()
            _say(f"tried: {tried.rule} {tried.platform}: {len(tried.verdicts)} mutants")
            yield tried


def _report(tried: Iterable[Tried], *, whole: bool, killers: bool) -> Iterator[str]:
    """Print the scores; give what makes the run fail."""
    halves: dict[tuple[str, Platform], list[Tried]] = {}
    for one in tried:
        halves.setdefault((one.rule, one.platform), []).append(one)
    entries, verdicts = accepted.read(), [verdict for one in tried for verdict in one.verdicts]
    _say(_row("rule", "platform", "mutants", "killed", "refused", "accepted", "survived", "score"))
    for (rule, platform), shares in sorted(halves.items()):
        _say(_line(rule, platform, [verdict for share in shares for verdict in share.verdicts], entries))
        yield from (f"fails unchanged: {rule} {platform}: {text}" for one in shares for text in one.failing)
    _say(_line("all", "", verdicts, entries))
    if killers:
        for verdict in verdicts:
            _say(f"{verdict.outcome}: {verdict.mutant} ({verdict.by})")
    alive = [verdict.mutant for verdict in verdicts if verdict.outcome == "survived"]
    dead = [verdict.mutant for verdict in verdicts if verdict.outcome != "survived"]
    alive.sort(key=lambda each: (each.rule, each.platform, each.file, each.number, each.change))
    for entry in entries:
        if covered := [mutant for mutant in alive if entry.covers(mutant)]:
            _say("\n".join([f"accepted: {entry.reason}", *(f"  {mutant}" for mutant in covered)]))
    yield from (f"survived: {mutant}" for mutant in alive if not any(entry.covers(mutant) for entry in entries))
    concerned = [one for one in entries if whole or any(one.covers(each) for each in (*alive, *dead))]
    yield from accepted.outdated(concerned, dead, alive)


def _line(rule: str, platform: str, verdicts: Sequence[Verdict], entries: Sequence[accepted.Accepted]) -> str:
    count = Counter(verdict.outcome for verdict in verdicts)
    alive = [verdict.mutant for verdict in verdicts if verdict.outcome == "survived"]
    known = sum(any(one.covers(mutant) for one in entries) for mutant in alive)
    score = 100 * (count["killed"] + count["refused"]) / (len(verdicts) or 1)
    numbers = (len(verdicts), count["killed"], count["refused"], known, len(alive) - known)
    return _row(rule, platform, *numbers, f"{score:.1f}%")


def _row(rule: str, platform: str, *columns: object) -> str:
    return f"{rule:<40} {platform:<9}" + "".join(f"{column!s:>10}" for column in columns)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
