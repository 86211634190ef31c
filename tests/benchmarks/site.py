"""An estate on stubs, and deployer and the floor over it, one fresh process each."""

import json
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import estate
from tests.benchmarks import measure


@dataclass(frozen=True, slots=True)
class Size:
    """What a run is about."""

    tenants: int = 500
    rules: int = 5
    """Of each platform, in each tenant."""
    latency: float = 50.0
    """Milliseconds before every answer."""
    jobs: int = 32
    platforms: tuple[str, ...] = ("kibana", "sentinel")
    stubs: int = 2
    """Processes that answer; the tenants are dealt out among them."""
    own_hosts: bool = False
    """Whether each tenant's Kibana has an address of its own, or they are spaces of one host. Linux only."""
    dead: int = 0
    """Tenants that nothing answers for: every other one refuses connections, the rest takes them and keeps silent."""

    def is_dead(self, number: int) -> bool:
        """Spread among the others, the last one with them: what is begun last is what a run may have to wait for."""
        return self.dead_before(number) != self.dead_before(number + 1)

    def dead_before(self, number: int) -> int:
        """How many of the tenants before this one are dead."""
        return number * self.dead // self.tenants

    @property
    def living(self) -> list[str]:
        """The names of those that answer."""
        return [estate.name_of(number) for number in range(self.tenants) if not self.is_dead(number)]

    def __str__(self) -> str:
        each = " + ".join(str(self.rules) for _ in self.platforms)
        return f"{self.tenants:,} tenant{'s' * (self.tenants > 1)} x ({each})"


RETRY_AFTER = 1
"""Seconds that a refusal asks to wait."""
JITTER = 1.5
"""Whoever is asked to wait may wait so much longer, so that many do not come back together."""


class Failed(RuntimeError):
    """A run did not do what it is measured for, so that its time says nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """An estate, and the stubs that it is on."""

    size: Size
    folder: Path
    stubs: measure.Stubs

    def sized(self, size: Size) -> "Site":
        """Fewer tenants, as an estate of their own on the same stubs; it does not know what is there of the others."""
        smaller = Site(size, self.folder, self.stubs)
        smaller._write()
        return smaller

    @property
    def root(self) -> Path:
        return self.folder / f"root-{self.size.tenants}-{self.size.rules}"

    def deployer(self, verb: str, *options: str, profile: Path | None = None) -> measure.Run:
        """One command over the estate."""
        start = ["-m", "deployer"] if profile is None else ["-m", "tests.benchmarks.profiled", str(profile)]
        words = ["--root", str(self.root), verb, estate.ENVIRONMENT, "--jobs", str(self.size.jobs)]
        return measure.python([*start, *words, *options], self.folder, estate.SECRETS)

    def expect(self, code: int, verb: str, *options: str) -> measure.Run:
        """One command, and its exit code; raises `Failed`."""
        ran = self.deployer(verb, *options)
        if ran.code != code:
            raise Failed(f"deployer {verb} ended with {ran.code}, not {code}:\n{ran.out[-2000:]}{ran.err[-2000:]}")
        return ran

    def fill(self) -> None:
        """Everything applied, nothing of it in the log."""
        self.stubs.reset(documents=True)
        self.stubs.settings(latency_ms=0)
        self.expect(0, "apply")
        self.stubs.settings(latency_ms=self.size.latency)
        self.stubs.reset()

    def floor(self, *, afresh: bool = False) -> measure.Run:
        """What the stubs were asked since the last reset, once more; `afresh` on stubs that hold nothing yet."""
        files = self.stubs.save(self.folder)
        self.stubs.reset(documents=afresh)
        ran = measure.python(["-m", "tests.benchmarks.floor", str(self.size.jobs), *map(str, files)], self.folder, {})
        if ran.code or ran.out.split()[1] != "0":
            raise Failed(f"the floor was answered otherwise than the run: {ran.out}{ran.err}")
        return ran

    def tally(self) -> dict[str, Any]:
        """What the log says of writes and waits; see `tests.benchmarks.tally`."""
        files = self.stubs.save(self.folder)
        ran = measure.python(
            ["-m", "tests.benchmarks.tally", str(RETRY_AFTER * JITTER), *map(str, files)], self.folder, {}
        )
        if ran.code:
            raise Failed(ran.err)
        return dict(json.loads(ran.out))

    def _write(self) -> None:
        size = self.size
        words = ["--tenants", str(size.tenants), "--rules", str(size.rules), "--platforms", *size.platforms]
        places = json.dumps([self._urls(number) for number in range(size.tenants)])
        wrote = measure.python(["-m", "tests.benchmarks.estate", str(self.root), *words], self.folder, {}, places)
        if wrote.code:
            raise Failed(wrote.err)

    def _urls(self, number: int) -> dict[str, str]:
        stub = self.stubs.all[number % len(self.stubs.all)]
        if self.size.is_dead(number):
            silent = self.size.dead_before(number) % 2
            url = f"http://{stub.address}:{stub.silent if silent else stub.refusing}"
            return {"kibana": url, "sentinel": url}
        host = own_address(number) if self.size.own_hosts else stub.address
        return {"kibana": f"http://{host}:{stub.port}", "sentinel": stub.url}


@contextmanager
def site(size: Size) -> Iterator[Site]:
    """The estate in a folder of its own, the stubs empty and with the latency; all is gone afterwards."""
    addresses = ["127.0.0.1", *(own_address(number) for number in range(size.tenants) if size.own_hosts)]
    with (
        tempfile.TemporaryDirectory(prefix="deployer-bench-") as name,
        measure.Stubs(size.stubs, addresses) as stubs,
    ):
        made = Site(size, Path(name), stubs)
        made._write()
        stubs.settings(latency_ms=size.latency)
        yield made


def own_address(number: int) -> str:
    """A loopback address for a tenant alone."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def best(runs: Sequence[measure.Run]) -> measure.Run:
    """The shortest: what else goes on at the machine can only add to it. The memory is the largest of all."""
    shortest = min(runs, key=lambda one: one.seconds)
    cpu, memory = min(one.cpu for one in runs), max(one.megabytes for one in runs)
    return measure.Run(shortest.seconds, cpu, memory, shortest.code, shortest.out, shortest.err)
