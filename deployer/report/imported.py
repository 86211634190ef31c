"""What was imported into a shared list, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

from deployer.allowlist.outcomes import Imported
from deployer.report.as_json import SCHEMA
from deployer.report.wording import count
from deployer.report.wording import plain

_LONGEST = 200
"""Lines of a difference that are shown."""


def render(found: Imported) -> str:
    """The text report."""
    return "\n".join(_lines(found)) + "\n"


def document(found: Imported, code: int) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "schema": SCHEMA,
        "verb": "allowlist import",
        "environment": None,
        "exit_code": code,
        "file": found.file,
        "new": found.new,
        "written": found.written,
        "refused": found.refused or None,
        "where": found.where,
        "read": found.read,
        "added": list(found.added),
        "removed": list(found.removed),
        "kept": found.kept,
        "notes": list(found.notes),
        "diff": found.diff,
    }


def _lines(found: Imported) -> Iterator[str]:
    numbers = f"{len(found.added)} added, {len(found.removed)} removed, {found.kept} kept"
    yield f"{plain(found.file)}: {numbers}"
    ranges = len(found.added) + found.kept
    read = count(found.read, "address or range", "addresses and ranges")
    yield f"  {read} read from {plain(found.where)}; {count(ranges, 'range')} after collapsing"
    for note in found.notes:
        yield f"  note: {plain(note)}"
    diff = found.diff.split("\n") if found.diff else []
    yield from (f"      {plain(line)}" for line in diff[:_LONGEST])
    if len(diff) > _LONGEST:
        way_out = f": git diff {plain(found.file)}" if found.written else ", all with --format json"
        yield f"      and {len(diff) - _LONGEST} more lines{way_out}"
    if found.refused:
        yield f"  x nothing was written: {plain(found.refused)}"
    elif not found.written:
        yield "  Nothing was written: --dry-run."
    elif found.new:
        name = found.file.rpartition("/")[2].removesuffix(".yaml")
        yield f"  Written. A tenant includes it by `- {{list: {plain(name)}}}` in its `allowlists`."
    else:
        yield "  Written. Look at it, and at the plan, before it is committed."
