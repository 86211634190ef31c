"""What deployer takes for many tenants, each time against the floor of the same run.

`python -m tests.benchmarks.fleet noop --tenants 500 --rules 5 --latency 50 --jobs 32 [--profile FILE]`
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import estate
from tests.benchmarks import measure


@dataclass(frozen=True, slots=True)
class Size:
    """What a run is about."""

    tenants: int = 500
    rules: int = 5
    latency: float = 50.0
    jobs: int = 32
    platforms: tuple[str, ...] = ("kibana", "sentinel")
    stubs: int = 2


@dataclass(frozen=True, slots=True)
class Site:
    """An estate, and the stubs that it is on."""

    size: Size
    folder: Path
    stubs: measure.Stubs

    def deployer(self, verb: str, *options: str, profile: Path | None = None) -> measure.Run:
        """One command over the estate, in a fresh process."""
        start = ["-m", "deployer"] if profile is None else ["-m", "tests.benchmarks.profiled", str(profile)]
        words = ["--root", str(self.folder / "root"), verb, estate.ENVIRONMENT, "--jobs", str(self.size.jobs)]
        return measure.python([*start, *words, *options], self.folder, estate.SECRETS)

    def floor(self, *, afresh: bool) -> measure.Run:
        """What the stubs were asked since the last reset, once more; `afresh` on stubs that hold nothing yet."""
        files = self.stubs.save(self.folder)
        self.stubs.reset(documents=afresh)
        ran = measure.python(["-m", "tests.benchmarks.floor", str(self.size.jobs), *map(str, files)], self.folder, {})
        if ran.code or ran.out.split()[1] != "0":
            raise RuntimeError(f"the floor was answered otherwise than the run: {ran.out}{ran.err}")
        return ran


@contextmanager
def site(size: Size) -> Iterator[Site]:
    """The estate in a folder of its own, the stubs empty and with the latency; all is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="deployer-bench-") as name, measure.Stubs(size.stubs) as stubs:
        folder = Path(name)
        urls = [stub.url for stub in stubs.all]
        places = [
            {"kibana": urls[number % len(urls)], "sentinel": urls[number % len(urls)]} for number in range(size.tenants)
        ]
        words = ["--tenants", str(size.tenants), "--rules", str(size.rules), "--platforms", *size.platforms]
        wrote = measure.python(["-m", "tests.benchmarks.estate", str(folder / "root"), *words], folder, {},
                               json.dumps(places))  # fmt: skip
        if wrote.code:
            raise RuntimeError(wrote.err)
        stubs.settings(latency_ms=size.latency)
        yield Site(size, folder, stubs)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description="Many tenants, measured.")
    parser.add_argument("part", choices=["noop", "apply"])
    parser.add_argument("--tenants", type=int, default=500)
    parser.add_argument("--rules", type=int, default=5, help="rules of each platform in each tenant")
    parser.add_argument("--latency", type=float, default=50, metavar="MS")
    parser.add_argument("--jobs", type=int, default=32)
    parser.add_argument("--platforms", nargs="+", default=["kibana", "sentinel"], choices=["kibana", "sentinel"])
    parser.add_argument("--stubs", type=int, default=2, metavar="N", help="processes that answer")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="profile deployer, all threads, by CPU time")
    asked = parser.parse_args(arguments)
    size = Size(asked.tenants, asked.rules, asked.latency, asked.jobs, tuple(asked.platforms), asked.stubs)
    with site(size) as here:
        if asked.part == "noop":
            here.stubs.settings(latency_ms=0)
            _told("apply (no latency)", here.deployer("apply"), here)
            here.stubs.settings(latency_ms=size.latency)
            here.stubs.reset()
        verb = "plan" if asked.part == "noop" else "apply"
        ran = here.deployer(verb, profile=asked.profile)
        _told(verb, ran, here)
        floor = here.floor(afresh=asked.part == "apply")
        _told("floor", floor, here)
        _say(f"ratio {ran.seconds / floor.seconds:.2f}")
        if asked.profile:
            _say(ran.err)
    return 0


def _told(what: str, ran: measure.Run, here: Site) -> None:
    counts = here.stubs.counts()
    said = f"{counts['requests']:>7} requests  {counts['connections']} connections so far"
    _say(f"{what:<20}{ran.seconds:>8.2f} s {ran.cpu:>8.2f} s CPU {ran.megabytes:>7.0f} MB  exit {ran.code}  {said}")
    _say("  " + ran.out.strip().rpartition("\n")[2])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
