"""What is measured, each part a few rows of the table. Nothing here depends on what was measured before."""

import json
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import measure
from tests.benchmarks.site import RETRY_AFTER
from tests.benchmarks.site import Failed
from tests.benchmarks.site import Site
from tests.benchmarks.site import Size
from tests.benchmarks.site import best
from tests.benchmarks.site import site

PYTHON_CLICK = ["-c", "import click"]
# What the script `deployer` runs.
SCRIPT = "import sys; from deployer.cli.main import main; sys.argv = ['deployer', *sys.argv[1:]]; sys.exit(main())"
MEGABYTES = 200.0
"""What 500 tenants of ten rules may take at most."""
_START_UPS = 15
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    took: str
    against: str
    ratio: float
    goal: float | None = None
    """The ratio that is asked for."""
    cpu: float | None = None
    megabytes: float | None = None
    requests: int | None = None
    largest: float | None = None
    """The megabytes that are asked for."""

    @property
    def asked_for(self) -> str:
        """What is asked for, and whether it was missed."""
        asked = [f"≤ {self.goal:g}"] if self.goal else []
        asked += [f"≤ {self.largest:.0f} MB"] if self.largest else []
        missed = self.ratio > (self.goal or self.ratio) or (self.megabytes or 0) > (self.largest or float("inf"))
        return ", ".join(asked) + " (missed)" * missed


@dataclass(frozen=True, slots=True)
class Asked:
    """How it is to be measured."""

    size: Size
    repeat: int = 1
    profile: Path | None = None
    say: Callable[[str], None] = lambda text: None


def noop(asked: Asked) -> Iterator[Row]:
    """A plan that finds everything equal."""
    with site(asked.size) as here:
        here.fill()
        row, _ = _against_floor(f"plan, nothing to do, {asked.size}", here, asked, "plan")
        yield _asked_of_many(row, asked.size.tenants)


def apply(asked: Asked) -> Iterator[Row]:
    """Everything written to targets that hold nothing."""
    with site(asked.size) as here:
        yield _against_floor(f"apply of everything, {asked.size}", here, asked, "apply")[0]


def tenants(asked: Asked, sizes: Sequence[int] = (10, 100, 500)) -> Iterator[Row]:
    """A plan that finds everything equal, over more and more tenants; and what one more tenant costs."""
    largest = replace(asked.size, tenants=max(sizes))
    with site(largest) as here:
        here.fill()
        places = [here if count == largest.tenants else here.sized(replace(largest, tenants=count)) for count in sizes]
        for count, one in zip(sizes, places, strict=True):
            row, _ = _against_floor(f"plan, nothing to do, {one.size}", one, asked, "plan")
            yield _asked_of_many(row, count)
        yield from _growth(asked, places, sizes, "tenant", 1.15)


def rules(asked: Asked, sizes: Sequence[int] = (10, 100, 1000)) -> Iterator[Row]:
    """A plan that finds everything equal, over more and more rules in one space; and what one more rule costs."""
    found: list[measure.Run] = []
    with ExitStack() as stack:
        all = [replace(asked.size, tenants=1, rules=count, platforms=("kibana",), stubs=1) for count in sizes]
        places = [stack.enter_context(site(size)) for size in all]
        for count, one in zip(sizes, places, strict=True):
            one.fill()
            name = f"plan, nothing to do, one space of {count:,} rules"
            row, ran = _against_floor(name, one, asked, "plan")
            found.append(ran)
            yield replace(row, goal=1.5 if count >= 1000 else None)
        memory = (found[-1].megabytes - found[0].megabytes) * 1024 / max(1, sizes[-1] - sizes[0])
        yield from _growth(asked, places, sizes, "rule", None, f" ({memory:.0f} KB of memory each)")


def startup(asked: Asked) -> Iterator[Row]:
    """The command line before it does anything, against Python that imports click; in turn, the best of several."""
    words = {"_DEPLOYER_COMPLETE": "bash_complete", "COMP_WORDS": "deployer pl", "COMP_CWORD": "1"}
    runs: list[list[measure.Run]] = [[], [], []]
    with site(replace(asked.size, tenants=1, rules=1, stubs=1)) as here:
        for _ in range(_START_UPS):
            runs[0].append(measure.python(PYTHON_CLICK, here.folder, {}))
            runs[1].append(measure.python(["-c", SCRIPT, "--help"], here.folder, {}))
            runs[2].append(measure.python(["-c", SCRIPT], here.folder, words))
    click, shown, completed = map(best, runs)
    if shown.code or "Commands" not in shown.out or "plan" not in completed.out:
        raise Failed(f"deployer --help or its completion did not work: {shown.err}{completed.err}")
    for what, ran in (("`deployer --help`", shown), ("completion of a word", completed)):
        yield Row(
            what, _time(ran.seconds), f'`python -c "import click"` {_time(click.seconds)}',
            ran.seconds / click.seconds, 2.0 if ran is shown else None, ran.cpu, ran.megabytes,
        )  # fmt: skip


def rough(asked: Asked, refused: float = 0.05) -> Iterator[Row]:
    """Everything written while some requests are refused and some tenants are dead.

    The bound is that of any order without idle hands: all waits shared out among the jobs, the one target that waits
    longest, and the CPU.
    """
    size = replace(asked.size, own_hosts=True, dead=max(2, asked.size.tenants // 50))
    with site(size) as here:
        here.stubs.settings(latency_ms=size.latency, refused=refused, retry_after=RETRY_AFTER)
        ran = here.expect(3, "apply")
        told, objects = here.tally(), here.stubs.counts()["objects"]
        here.stubs.settings(latency_ms=0)
        again = here.expect(0, "plan", "--format", "json", *(f"--tenant={name}" for name in size.living))
    equal = json.loads(again.out)["summary"]["unchanged"]
    if not told["most_often"] == 1 or not told["written"] == objects == equal:
        raise Failed(f"not everything reachable was written exactly once: {told}, {objects} objects, {equal} equal")
    bound = told["waited"] / size.jobs + told["longest"] + ran.cpu
    asked.say(f"  {told}")
    yield Row(
        f"apply of everything, {size}, {refused:.0%} refused (429, 503), {size.dead} tenants dead: "
        f"{objects:,} objects written once each, exit code 3",
        _time(ran.seconds), f"bound {_time(bound)}, sum of all waits {_time(told['waited'])}",
        ran.seconds / bound, 1.0, ran.cpu, ran.megabytes, told["requests"],
    )  # fmt: skip


def _against_floor(what: str, here: Site, asked: Asked, verb: str) -> tuple[Row, measure.Run]:
    """deployer and the floor in turn, as often as is asked."""
    runs: list[measure.Run] = []
    floors: list[measure.Run] = []
    requests = 0
    writes = verb == "apply"
    for _ in range(asked.repeat):
        here.stubs.reset(documents=writes)
        before = here.stubs.counts()
        if asked.profile:
            runs.append(here.deployer(verb, profile=asked.profile))
            asked.say(runs[-1].err)
        else:
            runs.append(here.expect(0, verb))
        after = here.stubs.counts()
        requests = after["requests"]
        floors.append(here.floor(afresh=writes))
        asked.say(
            f"  {what}: {runs[-1].seconds:.2f} s ({runs[-1].cpu:.2f} s CPU, {runs[-1].megabytes:.0f} MB), floor "
            f"{floors[-1].seconds:.2f} s ({floors[-1].cpu:.2f} s CPU), {requests:,} requests; a stub took "
            f"{(after['cpu_seconds'] - before['cpu_seconds']) / max(1, requests) * 1e6:.0f} µs of CPU for each"
        )
    ran, floor = best(runs), best(floors)
    row = Row(what, _time(ran.seconds), f"floor {_time(floor.seconds)}", ran.seconds / floor.seconds, None,
              ran.cpu, ran.megabytes, requests)  # fmt: skip
    return row, ran


def _asked_of_many(row: Row, tenants: int) -> Row:
    """What is asked for is asked of many; of a few, starting up is most of it."""
    return replace(row, goal=1.3, largest=MEGABYTES) if tenants >= 500 else row


def _growth(
    asked: Asked, places: Sequence[Site], sizes: Sequence[int], unit: str, goal: float | None, more: str = ""
) -> Iterator[Row]:
    """What one more costs among many, against what it costs among few; starting up is left out of both."""
    if len(places) < 3 or asked.profile:
        return
    cpu = _means(places, max(_ROUNDS, asked.repeat))
    asked.say(f"  CPU, each the mean of many runs: {', '.join(f'{one:.2f} s' for one in cpu)}")
    early, late = (max(1e-6, cpu[at + 1] - cpu[at]) / (sizes[at + 1] - sizes[at]) for at in (0, -2))
    what = f"CPU of one more {unit}, {_span(sizes[-2:])} against {_span(sizes[:2])}{more}"
    yield Row(what, f"{late * 1000:.1f} ms", f"{early * 1000:.1f} ms", late / early, goal)


def _means(places: Sequence[Site], rounds: int) -> list[float]:
    """Seconds of CPU that a plan of each place takes.

    A machine's speed may change by half within seconds, and the best of some short runs finds a moment that no long one
    fits into. So all take their turns, each for as long as the longest one needs, and the mean counts.
    """
    spent: list[list[float]] = [[] for _ in places]
    for _ in range(rounds):
        enough = 0.0
        for one, of_it in reversed(list(zip(places, spent, strict=True))):
            lasted = 0.0
            while lasted == 0.0 or lasted < enough:
                ran = one.expect(0, "plan")
                lasted += ran.seconds
                of_it.append(ran.cpu)
            enough = enough or lasted
    return [sum(of_it) / len(of_it) for of_it in spent]


def _span(sizes: Sequence[int]) -> str:
    return " to ".join(f"{size:,}" for size in sizes)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def say(text: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
