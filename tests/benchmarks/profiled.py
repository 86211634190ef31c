"""deployer under the profiler, every thread of it, by CPU time: waiting counts for nothing.

`python -m tests.benchmarks.profiled FILE plan bench ...` writes FILE for `python -m pstats`, and prints what took most
of its own time on standard error.
"""

import cProfile
import pstats
import sys
import threading
import time

from deployer.cli import main as command_line

LINES = 15
_run = threading.Thread.run
_profiles: list[cProfile.Profile] = []


def _profiled(thread: threading.Thread) -> None:
    profile = cProfile.Profile(time.thread_time)
    _profiles.append(profile)
    profile.enable()
    try:
        _run(thread)
    finally:
        profile.disable()


def main(file: str, arguments: list[str]) -> int:
    """Run the command and write down where its time went."""
    if sys.version_info >= (3, 12):
        sys.stderr.write("from Python 3.12 on, one profile is for all threads and mixes them up: take Python 3.11\n")
        return 1
    threading.Thread.run = _profiled  # type: ignore[method-assign,assignment]
    profile = cProfile.Profile(time.thread_time)
    _profiles.append(profile)
    code = profile.runcall(command_line.run, arguments)
    found = pstats.Stats(*_profiles, stream=sys.stderr)
    found.dump_stats(file)
    found.strip_dirs().sort_stats("tottime").print_stats(LINES)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
