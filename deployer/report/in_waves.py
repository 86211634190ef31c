"""How the waves of a run went, for people and for scripts, and the way to go on."""

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.waves import Verdict
from deployer.waves import Went

_REASONS = 4
"""Of one tenant that are told, of more how many there are."""


class Ways(NamedTuple):
    """The commands to go on with; those of all tenants where left out."""

    again: str = ""
    """Does the same once more."""
    look: str = ""
    """Verifies the same tenants and rules, once a wave is named behind it."""


WAYS = Ways()
"""Of all tenants."""


def lines(waves: Sequence[Went], environment: str, ways: Ways = WAYS) -> list[str]:
    """Per wave what happened, with everybody who failed or was not begun; then the way to go on, if it was stopped."""
    return [*went(waves), *onward(waves, environment, ways)]


def went(waves: Sequence[Went]) -> list[str]:
    """Per wave what happened."""
    return [line for wave in waves for line in _lines(wave)]


def onward(waves: Sequence[Went], environment: str, ways: Ways = WAYS) -> list[str]:
    """How to go on, if the run was stopped."""
    if all(wave.outcome is Verdict.PASSED for wave in waves):
        return []
    again = plain(ways.again or f"deployer apply {environment}")
    if any(wave.interrupted for wave in waves):
        return [f"To go on, run the same again: {again} (what is done is found equal and only verified again)"]
    look = plain(ways.look or f"deployer verify {environment}")
    stopped = [wave for wave in waves if wave.outcome is Verdict.STOPPED]
    told = [f"To look at it: {look} --wave {wave.number}" for wave in stopped]
    told.append(f"To go on once it is mended: {again} (what is done is found equal and only verified again)")
    later = [wave for wave in waves if wave.outcome is Verdict.NOT_BEGUN]
    if later and " --plan " in again:
        told.append(f"To go on without it: plan wave {later[0].number} alone, and apply that")
    elif later:
        told.append(f"To go on without it: {again} --wave {later[0].number} (that wave alone; no other is asked)")
    return told


def document(waves: Sequence[Went]) -> dict[str, Any]:
    """What a document says of its waves; nothing of a run without any."""
    told = [
        {
            "name": wave.name,
            "number": wave.number,
            "tenants": list(wave.tenants),
            "outcome": str(wave.outcome),
            "failed": list(wave.failed),
            "failures": [
                {"tenant": name, "reason": "; ".join(_few(reasons)), "reasons": list(reasons)}
                for name, reasons in wave.failed.items()
            ],
            "reason": wave.reason,
            "interrupted": wave.interrupted,
        }
        for wave in waves
    ]
    return {"waves": told} if told else {}


def _lines(wave: Went) -> list[str]:
    title = f"Wave {wave.number} ({wave.name}), {count(len(wave.tenants), 'tenant')}: {wave.outcome}"
    said = f"{title}: {plain(wave.reason)}" if wave.reason else title
    if wave.outcome is Verdict.NOT_BEGUN:
        return [f"{said}: {', '.join(map(plain, wave.tenants))}"]
    told = ((name, reason) for name, reasons in wave.failed.items() for reason in _few(reasons))
    return [said, *(f"    {plain(name)}: {plain(reason)}" for name, reason in told)]


def _few(reasons: Sequence[str]) -> list[str]:
    left = len(reasons) - _REASONS
    more = [f"and {count(left, 'more reason')}"] if left > 0 else []
    return [*reasons[:_REASONS], *more]
