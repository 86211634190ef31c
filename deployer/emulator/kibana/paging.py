"""`page` and `per_page`."""

from __future__ import annotations

from typing import TypeVar

from deployer.emulator.calls import Call
from deployer.emulator.kibana.errors import invalid

T = TypeVar("T")


def paging(call: Call, *, least_per_page: int = 1) -> tuple[int, int]:
    """The page asked for (1) and its size (20), or 400."""
    return _number(call, "page", 1, 1), _number(call, "per_page", 20, least_per_page)


def page_of(items: list[T], page: int, per_page: int) -> list[T]:
    """That page."""
    return items[(page - 1) * per_page : page * per_page]


def _number(call: Call, name: str, default: int, least: int) -> int:
    text = call.argument(name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit():
        raise invalid("query", [f"{name}: Expected number, received nan"])
    if int(text) < least:
        raise invalid("query", [f"{name}: Number must be greater than or equal to {least}"])
    return int(text)
