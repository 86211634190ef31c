"""How much of other people's Kibana rules our engine runs: `python -m tests.surveys.elastic [FOLDER]`.

Each rule is run on indices without documents, whose fields are those that the rule reads: of the type that our own
tables give them, else address by name, else keyword. Prints each rule's outcome and the sums.
"""

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

from deployer.engines import kuery
from deployer.engines import tables
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "elastic-toml"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One rule's way through the engine: run, refused (by name) or bad.

    `query` says the same of its query alone, run as a rule of type query; None where it is not in kuery.
    """

    name: str
    kind: str
    query: str | None
    outcome: str
    reason: str


def survey(folder: Path) -> Iterator[Sample]:
    """Every rule of the folder, in the order of their names; any error but the engine's own is let through."""
    for file in sorted(folder.glob("*.toml")):
        rule = tomllib.loads(file.read_text(encoding="utf-8"))["rule"]
        yield Sample(file.stem, _kind(rule), _query_outcome(rule), *_run(rule))


def _kind(rule: dict[str, Any]) -> str:
    language = rule.get("language")
    return rule["type"] if language in (None, rule["type"]) else f"{rule['type']} in {language}"


def _query_outcome(rule: dict[str, Any]) -> str | None:
    if rule.get("language") != "kuery":
        return None
    return _run({name: rule.get(name) for name in ("query", "filters", "index")} | {"type": "query"})[0]


def _run(rule: dict[str, Any]) -> tuple[str, str]:
    try:
        with Events(_fields(rule)) as events:
            for pattern in rule.get("index") or ():
                events.load(pattern.replace("*", "x"), ())
            detect(rule, events, NOW)
    except NotRunnable as fault:
        return "refused", str(fault)
    except BadQuery as fault:
        return "bad", str(fault)
    return "run", ""


def _fields(rule: dict[str, Any]) -> dict[str, str]:
    """A mapping for what the rule reads; the one of an index that is there in the vendor's products is not at hand."""
    known = {name: type for dataset in tables.kibana_names() for name, type in _columns(dataset).items()}
    try:
        read = set(kuery.fields(kuery.parse(rule.get("query", ""))))
    except BadQuery:
        read = set()
    threshold = rule.get("threshold", {})
    read |= {*threshold.get("field", ()), *(each["field"] for each in threshold.get("cardinality", ()))}
    return {name: known.get(name, "ip" if name.endswith(".ip") else "keyword") for name in read if "*" not in name}


def _columns(dataset: str) -> dict[str, str]:
    table = tables.kibana(dataset)
    return dict(table.columns) if table else {}


def _tell(samples: list[Sample]) -> str:
    lines = [
        f"{each.outcome:8} {each.name}: {each.kind}{' - ' if each.reason else ''}{each.reason}" for each in samples
    ]
    alone = Counter(each.query for each in samples if each.query)
    lines += ["", *(f"{count} of {alone.total()} kuery queries {outcome}" for outcome, count in sorted(alone.items()))]
    for outcome, count in sorted(Counter(each.outcome for each in samples).items()):
        lines.append(f"{count} of {len(samples)} {outcome}")
    reasons = Counter(each.reason for each in samples if each.outcome == "refused")
    lines += [f"  {count} refused: {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(_tell(list(survey(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES))))  # noqa: T201 - a report to its user
