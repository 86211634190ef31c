"""One look at many targets, by as many processes as there are cores: for verbs that write nothing."""

from collections.abc import Container
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from deployer import copies
from deployer.concealing import conceal
from deployer.copies import Copy
from deployer.copies import Gone
from deployer.crew import Crew
from deployer.crew import Job
from deployer.crew import Verb
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.manifest.load import Manifest
from deployer.model import Platform
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Unreadable
from deployer.providers.base import Provider
from deployer.providers.secrets import Secret
from deployer.state import DesiredState
from deployer.tally import Tally
from deployer.workload import Workload

WORTH_A_COPY = 50
"""So many tenants take longer to look at than a copy of the process takes to make."""

_NOTHING = DesiredState("", "", {})


class Seen(NamedTuple):
    """What a copy sends."""

    outcomes: list[Outcome]
    everybodys: tuple[Finding, ...] = ()
    """Faults that are everybody's."""
    made: Tally = Tally()
    secrets: tuple[Secret, ...] = ()
    """Those that it has read: another target may hold one of them. They go through a pipe, and nowhere else."""


def parts(manifest: Manifest, chosen: Container[str], cores: int | None = None) -> list[frozenset[str]]:
    """The chosen tenants, dealt out to processes; one part where more are not worth it, or not possible."""
    named = sorted({tenant.name for tenant in manifest.tenants} | set(manifest.broken_tenants))
    names = [name for name in named if name in chosen]
    # The emulator lives in this process, if it was started here.
    emulated = any(target.emulator for tenant in manifest.tenants for target in tenant.targets)
    number = copies.worth(len(names), WORTH_A_COPY, 1 if emulated else cores or copies.cores())
    return [frozenset(names[first::number]) for first in range(number)]


def look(crew: Crew, manifest: Manifest, dealt: Sequence[frozenset[str]], verb: Verb) -> list[Outcome]:
    """What `verb` makes of every target of these tenants, and of their broken files.

    The first part is done here, each other one by a copy. A copy that ends without a result leaves its targets
    unreadable. Raises `InvalidManifest` for faults that are everybody's.
    """
    with crew.divided(len(dealt)):
        named = frozenset[str]().union(*dealt)
        crew.prepare([target for tenant in manifest.tenants if tenant.name in named for target in tenant.targets])
        begun = [(part, _begin(crew, manifest, part, verb)) for part in dealt[1:]]
        try:
            seen = [_seen(crew, manifest, dealt[0], verb)]
        except BaseException:
            for _, copy in begun:
                copy.kill()
            raise
        if crew.interrupted.is_set():
            for _, copy in begun:
                copy.kill() if crew.left else copy.stop()
        seen += [_awaited(crew, manifest, part, copy) for part, copy in begun]
    everybodys = dict.fromkeys(finding for one in seen for finding in one.everybodys)
    if everybodys:
        raise InvalidManifest(list(everybodys))
    for one in seen[1:]:
        crew.learn(one.made, one.secrets)
    return [conceal(outcome, crew.redact) for one in seen for outcome in one.outcomes]


def _begin(crew: Crew, manifest: Manifest, part: frozenset[str], verb: Verb) -> Copy[Seen]:
    return Copy(lambda: _seen(crew, manifest, part, verb), crew.interrupted.set)


def _seen(crew: Crew, manifest: Manifest, part: frozenset[str], verb: Verb) -> Seen:
    before = crew.made
    work = Workload(manifest, part)

    def late(provider: Provider, job: Job) -> Outcome:
        """What a target is to hold is made out by the thread that looks at it: meanwhile others wait for answers."""
        with crew.computing:
            made = work.job(job.target)
        return verb(provider, made)

    # A space takes several requests and a workspace one: what takes longest is begun first.
    targets = sorted(work.targets(), key=lambda target: target.platform is not Platform.KIBANA)
    outcomes = crew.over([Job(target, _NOTHING) for target in targets], late, looks=True)
    try:
        settled = work.settled(outcomes)
    except InvalidManifest as error:
        return Seen([], tuple(error.findings), crew.made - before, crew.secrets())
    return Seen(settled, (), crew.made - before, crew.secrets())


def _awaited(crew: Crew, manifest: Manifest, part: frozenset[str], copy: Copy[Seen]) -> Seen:
    """What a copy sends. Asked to stop meanwhile, it is asked, too; asked twice, nobody waits for it."""
    while True:
        try:
            return copy.result()
        except KeyboardInterrupt:
            crew.left = crew.interrupted.is_set()
            crew.interrupted.set()
            copy.kill() if crew.left else copy.stop()
        except Gone as error:
            why = "interrupted before it was looked at" if crew.left else str(error)
            return Seen(list(_unseen(manifest, part, why)))


def _unseen(manifest: Manifest, part: frozenset[str], why: str) -> Iterator[Unreadable]:
    for tenant in manifest.tenants:
        if tenant.name in part:
            for target in tenant.targets:
                yield Unreadable(Place(tenant.name, target.name, target.emulator), why, target.platform)
    yield from (Unreadable(Place(name), why) for name in manifest.broken_tenants if name in part)
