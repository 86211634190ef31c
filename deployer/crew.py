"""Targets side by side: each isolated from the others, over connections that last as long as the run."""

import os
import threading
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait
from contextlib import ExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Self

from deployer.concealing import conceal
from deployer.errors import InvalidManifest
from deployer.errors import ProviderError
from deployer.errors import Unreachable
from deployer.errors import UnsafePlan
from deployer.findings import Finding
from deployer.journal import Journal
from deployer.manifest.load import Manifest
from deployer.model import Assignment
from deployer.model import Target
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.providers.base import Provider
from deployer.providers.connect import Connections
from deployer.providers.secrets import Secret
from deployer.providers.traffic import Traffic
from deployer.state import DesiredState
from deployer.tally import Tally

THREADS = "deployer-target"
"""What the names of the threads begin with."""


def jobs_of(machine: int | None = None) -> int:
    """Targets that are worked on side by side, unless told otherwise: nearly all of the time is spent waiting, and the
    rest needs a core. `machine` is how many it has."""
    return max(16, min(64, 16 * (machine or os.cpu_count() or 1)))


@dataclass(frozen=True, slots=True)
class Job:
    """One target and what it is to hold."""

    target: Target
    desired: DesiredState
    assignment: Assignment | None = None
    """What `desired` was made of; None where only the objects are known, so that nothing can be explained."""

    @property
    def place(self) -> Place:
        return Place(self.target.tenant, self.target.name, self.target.emulator)


Verb = Callable[[Provider, Job], Outcome]


@dataclass(frozen=True, slots=True)
class Hands:
    """How a person is kept informed; by default nobody is."""

    say: Callable[[str], None] = lambda line: None
    show: Callable[[int, int], None] = lambda done, targets: None
    """How many targets are done, of how many; called every `seconds`."""
    seconds: float | None = None


class Crew:
    """A context manager that may be entered again inside itself: connections and the emulator last until the end."""

    def __init__(self, manifest: Manifest, root: Path, trusted: Sequence[str], jobs: int, share: float = 1.0) -> None:
        self._manifest = manifest
        self._root = root
        self._trusted = trusted
        self._jobs = jobs
        self._share = share
        self._entered = 0
        self._stack = ExitStack()
        self._connections: Connections | None = None
        self._before = Tally()
        self.hands = Hands()
        """Whoever makes the crew may give it others."""
        self.interrupted = threading.Event()
        """Set once the user asks to stop: what is under way is finished, and nothing is begun any more."""
        self.computing = threading.Lock()
        """Whoever computes for long holds it: two at a time would take Python from each other, and both of them from
        those whose answers have come. Nobody waits for anything else meanwhile."""
        self.left = False
        """Whether the user asked twice: then nobody waited for what was under way."""

    @property
    def made(self) -> Tally:
        """The requests of the run until now."""
        return self._before + self._connections.traffic.made if self._connections else self._before

    def __enter__(self) -> Self:
        self._entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._entered -= 1
        if self._entered == 0 and not self.left:
            self._before = self.made
            self._connections = None
            self._stack.close()

    def redact(self, text: str) -> str:
        """`text` without any secret of the run, as long as its connections last."""
        return self._connections.redact(text) if self._connections else text

    @contextmanager
    def divided(self, number: int) -> Iterator[None]:
        """For so many processes that share the work: each has its part of the jobs and of the budgets.

        None of them knows how far the others are, so nobody is shown it.
        """
        jobs, share, hands = self._jobs, self._share, self.hands
        self._jobs, self._share, self.hands = max(1, jobs // number), share / number, replace(hands, seconds=None)
        try:
            yield
        finally:
            self._jobs, self._share, self.hands = jobs, share, hands

    def prepare(self, targets: Sequence[Target]) -> None:
        """Connect, and ask for what these targets have together, so that copies of this process need not."""
        self._connected().prepare(targets)

    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that were read until now."""
        return self._connected().secrets()

    def learn(self, made: Tally, secrets: Sequence[Secret]) -> None:
        """What a copy of this process asked, and the secrets that it read, which no outcome may hold."""
        self._before += made
        self._connected().learn(secrets)

    def over(
        self, jobs: Iterable[Job], verb: Verb, journal: Journal | None = None, *, looks: bool = False
    ) -> list[Outcome]:
        """What `verb` makes of each job, in their order. No outcome holds a secret of the run.

        `journal`, if `verb` writes to one, is told how to take the secrets of the run out of what it is given. Where
        `verb` only `looks`, some more targets are made ready or made out while as many as there are jobs are asked.
        """
        begun: list[tuple[Job, Future[Outcome]]] = []
        with self, ExitStack() as bounds:
            connections = self._connected()
            if looks:
                bounds.enter_context(connections.traffic.at_most(self._jobs))
            if journal:
                jobs = list(jobs)
                journal.owner = self._manifest.environment.owner
                journal.redact = connections.redact
                journal.addresses = {job.place: job.target.address for job in jobs}
            workers = self._jobs + self._jobs // 4 if looks else self._jobs
            pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=THREADS)
            try:
                for job in jobs:
                    if job.target.emulator:
                        self._emulate(connections)
                    begun.append((job, pool.submit(self._isolated, job, connections, verb)))
                self._wait([future for _, future in begun])
            except BaseException:
                self.interrupted.set()
                raise
            finally:
                pool.shutdown(wait=not self.left)
            return [conceal(_outcome(job, future), connections.redact) for job, future in begun]

    def _wait(self, futures: Sequence[Future[Outcome]]) -> None:
        """Until all of it is done. Asked to stop, until what is under way is; asked twice, no longer."""
        while not self.left:
            try:
                while wait(futures, self.hands.seconds).not_done:
                    self.hands.show(sum(future.done() for future in futures), len(futures))
                return
            except KeyboardInterrupt:
                self.left = self.interrupted.is_set()
                self.interrupted.set()
                if not self.left:
                    self.hands.say("Finishing what is under way. Interrupt again to leave at once.")
        for future in futures:
            future.cancel()

    def _isolated(self, job: Job, connections: Connections, verb: Verb) -> Outcome:
        """One target's outcome, whatever happens there."""
        place, platform = job.place, job.target.platform
        if self.interrupted.is_set():
            return Unreadable(place, "interrupted before it was looked at", platform)
        try:
            provider = connections.provider(job.target)
            try:
                return verb(provider, job)
            finally:
                provider.close()
        except InvalidManifest as error:
            return Stopped(Place(place.tenant), tuple(error.findings))
        except UnsafePlan as error:
            return Stopped(place, (Finding("limits", str(error)),), refused=True, platform=platform)
        except ProviderError as error:
            return Unreadable(place, str(error), platform)
        except Exception as error:  # noqa: BLE001 - a fault of ours in one target must not hide the others
            return Unreadable(place, internal(error), platform)

    def _connected(self) -> Connections:
        """The connections of the run."""
        if self._connections is None:
            credentials, home = self._manifest.environment.credentials, self._manifest.trusted_root or self._root
            # A target may write several objects side by side.
            traffic = Traffic(2 * self._jobs, self._share, self.interrupted)
            self._connections = Connections(credentials, self._trusted, home, traffic=traffic, share=self._share)
            self._stack.callback(self._connections.close)
        return self._connections

    def _emulate(self, connections: Connections) -> None:
        """Start the emulator, once, for the first target that needs it."""
        if connections.emulator is None:
            connections.emulator = self._stack.enter_context(_emulator(self._root))


def _outcome(job: Job, future: Future[Outcome]) -> Outcome:
    if future.done() and not future.cancelled():
        return future.result()
    begun = "left while it was worked on: a write may have been under way, the journal names it; look again with `plan`"
    why = "interrupted before it was looked at" if future.cancelled() else begun
    return Unreadable(job.place, why, job.target.platform)


def internal(error: Exception) -> str:
    """What is said of a fault of ours."""
    return f"internal error, please report it: {type(error).__name__}: {error}"


@contextmanager
def _emulator(root: Path) -> Iterator[str | ProviderError]:
    """The URL of the embedded emulator while it is needed; or why it cannot be had, which stops its targets only."""
    from deployer.emulator import Emulator
    from deployer.emulator import EmulatorError

    with ExitStack() as stack:
        found: str | ProviderError
        try:
            found = stack.enter_context(Emulator.attach_or_start(root / ".deployer" / "emulator")).url
        except EmulatorError as error:
            found = Unreachable(f"the emulator cannot be had: {error}")
        yield found
