"""`waves` of environment.yaml: in which order tenants are applied to, and what is wrong with it beyond its form."""

import re
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from fnmatch import fnmatchcase

from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import shown
from deployer.model import Gate
from deployer.model import Wave

_SHARE = re.compile(r"([1-9][0-9]?|100)%")
_NAMED = 3
"""Tenants that one message names at most."""
_GLOB = re.compile(r"[*?\[]")


def read(node: Node, require: Sequence[str]) -> tuple[Wave, ...]:
    """The waves, as far as they can be read; `require` are the levels where a wave names none."""
    return tuple(_wave(item, require) for item in node.items())


def _wave(node: Node, require: Sequence[str]) -> Wave:
    verify = node.get("verify")
    levels = verify.get("levels").texts()
    gate = Gate(
        # What is not there is asked nothing more, so that it is there counts always.
        levels=tuple(dict.fromkeys(("present", *levels))) if levels else tuple(require),
        minutes=verify.get("minutes").number() or 0,
        may_fail=verify.get("may_fail").number() or 0,
    )
    return Wave(node.get("name").text() or "", gate, node.location, node.get("tenants").texts(), _share(node))


def faults(node: Node, tenants: Collection[str]) -> Iterator[Finding]:
    """Errors for waves that cannot be gone through as they are written; `tenants` are all there are, broken ones too.

    What their schema has said already is not said again.
    """
    items = node.items()
    if not items:
        return
    yield from _repeated(items)
    yield from _unmatched(items, tenants)
    yield from _in_two(items, tenants)
    yield from _shares(items)
    yield from _order(items)


def _share(node: Node) -> int | None:
    found = _SHARE.fullmatch(node.get("share").text() or "")
    return int(found[1]) if found else None


def _repeated(items: Sequence[Node]) -> Iterator[Finding]:
    said: dict[str, Location] = {}
    for item in items:
        name = item.get("name")
        if (written := name.text()) and (first := said.setdefault(written, name.location)) != name.location:
            yield name.error("repeated-wave", f"there is a wave {shown(written)} already, in line {first.line}")


def _unmatched(items: Sequence[Node], tenants: Collection[str]) -> Iterator[Finding]:
    for one in (one for item in items for one in item.get("tenants").items()):
        glob = one.text()
        if not glob or any(fnmatchcase(name, glob) for name in tenants):
            continue
        if _GLOB.search(glob):
            yield one.error("no-match", f"{shown(glob)} matches no tenant of this environment")
        else:
            yield one.error("unknown-tenant", f"no tenant {shown(glob)} in tenants/{guess(glob, tenants)}")


def _in_two(items: Sequence[Node], tenants: Collection[str]) -> Iterator[Finding]:
    """Once for each place that names tenants of an earlier wave."""
    first: dict[str, tuple[int, str]] = {}
    for index, item in enumerate(items):
        for one in item.get("tenants").items():
            taken: dict[str, str] = {}
            for name in sorted(tenants):
                if fnmatchcase(name, one.text() or ""):
                    other, said = first.setdefault(name, (index, _said(item)))
                    if other != index:
                        taken[name] = said
            if taken:
                those = ", ".join(f"{shown(name)} (in {said})" for name, said in list(taken.items())[:_NAMED])
                those += f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
                yield one.error("tenant-in-two-waves", f"names who is in another wave already: {those}")


def _said(item: Node) -> str:
    return f"{shown(item.get('name').text() or '')}, line {item.location.line}"


def _shares(items: Sequence[Node]) -> Iterator[Finding]:
    total = 0
    for item in items:
        total += (share := _share(item) or 0)
        if share and total > 100:
            message = f"with this share the waves hold {total} % of the tenants; together they may hold 100 %"
            yield item.get("share").error("shares", message)
            return


def _order(items: Sequence[Node]) -> Iterator[Finding]:
    """Errors unless the last wave takes everybody who is left, and it alone."""
    open_ended = [item for item in items if "name" in item.mapping() and item.mapping().keys() <= {"name", "verify"}]
    if not open_ended:
        if {"tenants", "share"} & items[-1].mapping().keys():
            message = "the last wave takes everybody who is left: add one that has a name, and no tenants or share"
            yield items[-1].error("no-last-wave", message)
        return
    last = open_ended[0]
    for item in items[items.index(last) + 1 :]:
        message = f"nobody is left for it: the wave {_said(last)}, has no tenants and no share, so it takes everybody"
        yield item.error("wave-behind-the-last", message)
