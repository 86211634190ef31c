"""Whether the conditions of a Kibana exception item hold for what somebody asks about. Pure.

As `build_exception_filter.ts` of Kibana's lists plugin has it, all conditions of an item hold together. Fields of names
are keyword fields, compared as they are; address fields know ranges, too.
"""

import ipaddress
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import TypeAlias

from deployer import covering
from deployer.allowlist import excepted
from deployer.manifest.values import networks
from deployer.model import Json

Condition: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of an item."""

    limits: tuple[str, ...]
    """Conditions on what was not asked about."""
    fails: tuple[str, ...]
    """Conditions that do not hold for what was asked, and why."""
    taken: str | None
    """The field in which what was asked for is taken to stand."""
    near: bool
    """Whether none fails, or some of those on what was asked about hold."""
    rank: int
    """How much it says: that it holds where it is taken to stand, nearly so, holds at all, does not."""


def judged(
    conditions: Sequence[Condition],
    asked: Mapping[str, str],
    what: str,
    usual: Sequence[str],
    further: Sequence[str],
) -> Verdict:
    """The verdict on an item's conditions.

    `asked` holds fields of which the value is known; `what` stands in one of the `usual` fields. It is taken to stand
    in one of `further` only where the item has it there. Of several readings the one that says most is taken.
    """
    named = [field for field in further if field not in usual and _has(conditions, field, what)]
    verdicts = [_judged(conditions, {field: what, **asked}, field) for field in (*usual, *named)]
    verdicts = verdicts or [_judged(conditions, asked, None)]
    return min(verdicts, key=lambda one: (one.rank, len(one.limits)))


def _has(conditions: Sequence[Condition], field: str, what: str) -> bool:
    own = [one for one in conditions if one.get("field") == field and one.get("operator") == "included"]
    return any(_fault(one, what) == _HOLDS for one in own)


def _judged(conditions: Sequence[Condition], asked: Mapping[str, str], taken: str | None) -> Verdict:
    limits, faults, own = [], [], []
    for one in conditions:
        value = asked.get(str(one.get("field")))
        fault = None if value is None else _fault(one, value)
        if fault is None:
            limits.append(excepted.condition(one))
        else:
            faults.append(fault)
            own += [fault] if one.get("field") == taken else []
    fails = tuple(fault.why for fault in faults if fault.why)
    missed = any(fault.why and fault.near for fault in own)
    rank = (0 if own else 2) if not fails else 1 if missed else 3
    return Verdict(tuple(limits), fails, taken, not fails or any(fault.near for fault in faults), rank)


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a condition does not hold; "" where it does."""

    why: str
    near: bool = False
    """Whether it holds, or nearly so."""


_HOLDS = _Fault("", near=True)


def _fault(one: Condition, asked: str) -> _Fault | None:
    """Whether a condition holds for a value; None where that cannot be told."""
    no = one.get("operator") == "excluded"
    told = f"it holds where {excepted.condition(one)}, not for {asked}"
    if one.get("type") == "exists":
        return _Fault(told) if no else _HOLDS
    test = _test(one, asked)
    if test is None:
        return None
    whole, part = test
    if part is not None:
        kept = f"all of it but {part}" if no else f"only {part} of it"
        return _Fault(f"it lets {kept} through ({excepted.condition(one)})", near=True)
    if whole is not no:
        # That something else is excluded says little of what was asked about.
        return _Fault("", near=not no)
    if not no and any(value.lower() == asked.lower() for value in excepted.values(one)):
        return _Fault(f"{told}, and Kibana tells capitals apart", near=True)
    return _Fault(told, near=no)


def _test(one: Condition, asked: str) -> tuple[bool, str | None] | None:
    """Whether a value is among those of a condition, and the part of a range that is; None where it cannot be told."""
    if one.get("type") == "wildcard":
        texts = excepted.values(one)
        # Fields of addresses and numbers take no wildcards.
        if _network(asked) is not None or asked.isdigit() or not texts:
            return None
        return any(re.fullmatch(_pattern(text), asked, re.DOTALL) is not None for text in texts), None
    if one.get("type") not in ("match", "match_any"):
        return None
    network = _network(asked)
    if network is None:
        return asked in excepted.values(one), None
    known = [found for text in excepted.values(one) for found in networks(text)]
    joined: list[Any] = [ipaddress.ip_network(text) for text in covering.collapsed([str(each) for each in known])]
    near = [each for each in joined if each.version == network.version and each.overlaps(network)]
    if any(network.subnet_of(each) for each in near):
        return True, None
    return False, ", ".join(covering.text(each) for each in near) or None


def _network(text: str) -> Any:
    """The address or range that a text is; None for any other. What was asked is canonical: no IPv4 within IPv6."""
    return next(iter(networks(text)), None)


def _pattern(text: str) -> str:
    r"""A regular expression for a `wildcard` value: `*`, `?`, and `\` before what stands for itself."""
    signs = {"*": ".*", "?": "."}
    return "".join(signs.get(one, re.escape(one[-1])) for one in re.findall(r"\\.|.", text, re.DOTALL))


def addresses(values: Sequence[int | str], asked: str) -> Iterator[str]:
    """The ranges among some values that an address lies in, itself aside."""
    network = _network(asked)
    for text in map(str, values):
        other = _network(text)
        if network and other and text != asked and network.version == other.version and network.subnet_of(other):
            yield text
