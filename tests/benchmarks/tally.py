"""What a stub's log says of a run: who was written and how often, who was refused, how long was waited for whom.

In a process of its own, so that whoever measures stays small:
`python -m tests.benchmarks.tally SECONDS FILE...` prints JSON.
"""

import json
import sys
from collections import Counter
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REFUSALS = (429, 503)
_IDS = ("rule_id", "item_id", "list_id", "id")


def tally(files: Sequence[Path], pause: float) -> dict[str, Any]:
    """Objects that were written, and how often one was at most; and the seconds of waiting, together and of the place
    that waited longest: for answers, and `pause` after every refusal."""
    written: Counter[str] = Counter()
    waited: defaultdict[str, float] = defaultdict(float)
    refused = dead = requests = 0
    for file in files:
        address, *lines = file.read_text().splitlines()
        for line in lines:
            place, kind, method, target, content, status, begun, ended = json.loads(line)
            requests += 1
            waited[f"{address}{place}"] += ended - begun
            if status in REFUSALS:
                refused += 1
                waited[f"{address}{place}"] += pause
            elif not status:
                dead += 1
            elif method != "GET" and status < 300:
                written[f"{place} {kind} {_id(target, content)}"] += 1
    return {
        "requests": requests,
        "written": len(written),
        "most_often": max(written.values(), default=0),
        "refused": refused,
        "unanswered": dead,
        "waited": sum(waited.values()),
        "longest": max(waited.values(), default=0),
    }


def _id(target: str, content: str) -> str:
    """Which object a write is about: the id in its body, or its address."""
    body = json.loads(content) if content[:1] == "{" else {}
    body = body.get("data_view", body)
    return next((str(body[name]) for name in _IDS if name in body), target)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(tally([Path(name) for name in sys.argv[2:]], float(sys.argv[1]))))
