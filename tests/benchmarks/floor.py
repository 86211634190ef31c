"""The floor: the requests of a run once more, by a bare pooled client, in the order that each place had them.

As many at a time within a place as the run itself had there, and as many places side by side as it had jobs. In a
process of its own: what it takes from its start to its end is what no deployer can be faster than, by much.

`python -m tests.benchmarks.floor JOBS FILE...`: each file is a stub's log, its first line the stub's address.
"""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import urllib3

HEADERS = {"Authorization": "Bearer only-for-benchmarks", "kbn-xsrf": "floor", "Content-Type": "application/json"}


class Request(NamedTuple):
    """One request of the log."""

    method: str
    url: str
    content: bytes
    status: int


class Lane(NamedTuple):
    """What was asked of one place, in its order, and how much of it at a time."""

    requests: list[Request]
    at_once: int


def lanes(files: Sequence[Path]) -> list[Lane]:
    """The places of these logs, in the order in which they were first asked."""
    found: dict[tuple[str, str], list[list[object]]] = {}
    for file in files:
        address, *lines = file.read_text().splitlines()
        for line in lines:
            entry = json.loads(line)
            if entry[5] == 0:
                continue  # it was never answered
            found.setdefault((address, entry[0]), []).append(entry)
    first = sorted(found.items(), key=lambda one: float(str(one[1][0][6])))
    return [
        Lane(
            [Request(str(one[2]), address + str(one[3]), str(one[4]).encode(), int(str(one[5]))) for one in entries],
            _most([(float(str(one[6])), float(str(one[7]))) for one in entries]),
        )
        for (address, _), entries in first
    ]


def _most(spans: Sequence[tuple[float, float]]) -> int:
    """How many of these were under way at the same time, at most."""
    steps = sorted([(begun, 1) for begun, ended in spans if ended > begun] + [(ended, -1) for _, ended in spans])
    most = now = 0
    for _, step in steps:
        now = max(0, now + step)
        most = max(most, now)
    return max(1, most)


def replay(found: Sequence[Lane], jobs: int) -> int:
    """Send them all; how many were answered otherwise than in the run."""
    wide = jobs * max((lane.at_once for lane in found), default=1)
    pool = urllib3.PoolManager(num_pools=1000, maxsize=wide, block=False, headers=HEADERS, retries=False)

    def send(request: Request) -> bool:
        # A redirect, a retry, a decoded body: nothing of that is part of the floor.
        answer = pool.request(request.method, request.url, body=request.content or None, redirect=False)
        return answer.status != request.status

    def follow(lane: Lane) -> int:
        if lane.at_once == 1:
            return sum(map(send, lane.requests))
        with ThreadPoolExecutor(lane.at_once) as hands:
            return sum(hands.map(send, lane.requests))

    with ThreadPoolExecutor(jobs) as threads:
        return sum(threads.map(follow, found))


if __name__ == "__main__":
    found = lanes([Path(name) for name in sys.argv[2:]])
    different = replay(found, int(sys.argv[1]))
    sys.stdout.write(f"{sum(len(lane.requests) for lane in found)} {different}\n")
