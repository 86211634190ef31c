"""What deployer takes for many tenants, each time against the floor of the same run.

`python -m tests.benchmarks.fleet` measures everything and prints the table of the README. One part alone:
`python -m tests.benchmarks.fleet noop --tenants 500 --latency 50 --jobs 32 [--profile FILE]`.
The ratios say something on a machine that does nothing else.
"""

import argparse
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks import parts
from tests.benchmarks.parts import Asked
from tests.benchmarks.parts import Row
from tests.benchmarks.parts import say
from tests.benchmarks.site import Size

PARTS: Mapping[str, Callable[..., Iterator[Row]]] = {
    "noop": parts.noop,
    "apply": parts.apply,
    "tenants": parts.tenants,
    "rules": parts.rules,
    "startup": parts.startup,
    "rough": parts.rough,
}
TABLE = ("tenants", "apply", "rules", "rough", "startup")
"""What the table holds; its last line of `tenants` is `noop`."""
OF_EACH = {"apply": {"tenants": 100}, "rough": {"tenants": 100}}
"""How large a part is unless it is said."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    given = {name: value for name, value in vars(asked).items() if name in _SIZES and value is not None}
    if "platforms" in given:
        given["platforms"] = tuple(given["platforms"])
    rows: list[Row] = []
    for name in [asked.part] if asked.part else TABLE:
        size = replace(Size(), **{**OF_EACH.get(name, {}), **given})
        wanted = Asked(size, 1 if asked.profile else asked.repeat, asked.profile, say)
        measured: Callable[[Asked], Iterator[Row]] = PARTS[name]
        if asked.sizes and name in ("tenants", "rules"):
            measured = partial(PARTS[name], sizes=asked.sizes)
        rows += measured(wanted)
    say("")
    for line in table(rows):
        say(line)
    return 0


def table(rows: Sequence[Row]) -> Iterator[str]:
    """In Markdown."""
    yield "| what | takes | against | ratio | asked for | CPU | memory | requests |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for row in rows:
        cells = [
            row.what,
            row.took,
            row.against,
            f"{row.ratio:.2f}",
            row.asked_for,
            _or_nothing(row.cpu, "{:.2f} s"),
            _or_nothing(row.megabytes, "{:.0f} MB"),
            _or_nothing(row.requests, "{:,}"),
        ]
        yield f"| {' | '.join(cells)} |"


def _or_nothing(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


_SIZES = ("tenants", "rules", "latency", "jobs", "platforms", "stubs", "own_hosts")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description="Many tenants, measured.")
    option: Any = parser.add_argument
    option("part", nargs="?", choices=PARTS, help="this part alone; everything unless given")
    option("--tenants", type=int, metavar="N")
    option("--rules", type=int, metavar="N", help="of each platform in each tenant")
    option("--sizes", type=int, nargs="+", metavar="N", help="of the parts `tenants` and `rules`")
    option("--latency", type=float, metavar="MS", help="before every answer (default: 50)")
    option("--jobs", type=int, metavar="N", help="of deployer and of the floor (default: 32)")
    option("--platforms", nargs="+", choices=["kibana", "sentinel"])
    option("--stubs", type=int, metavar="N", help="processes that answer (default: 2)")
    option("--own-hosts", action="store_true", default=None, help="an address for each tenant's Kibana; Linux only")
    option(
        "--repeat",
        type=int,
        default=3,
        metavar="N",
        help="the best of so many, deployer and floor in turn (default: 3)",
    )
    option("--profile", type=Path, metavar="FILE", help="profile deployer, all threads, by CPU time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
