"""What the services of the emulator take and give: a call, an answer, a refusal, a route.

No web framework here: `app` turns HTTP into a `Call` and an `Answer` into HTTP.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeAlias

if TYPE_CHECKING:
    from deployer.emulator.world import World

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON body (None sends no body) and headers."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A service says no; carries the answer in that service's own error shape."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.body}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Place:
    """Whom a request is about, a space or a workspace, and the template of its route; None where there is none."""

    target: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a service sees it: the path is the one below the service's prefix."""

    world: World
    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    content: bytes
    origin: str
    user: str = ""
    scope: str = ""
    place: Place = Place()
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def argument(self, name: str) -> str | None:
        """The last value given for a query argument, or None."""
        values = self.query.get(name)
        return values[-1] if values else None


def parse_json(content: bytes) -> Any:
    """Strict JSON: unlike Python's own reader, no NaN and no Infinity. Raises ValueError."""
    return json.loads(content, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path template such as `/api/things/{id}` and what answers it."""

    method: str
    template: str
    handler: Handler

    def match(self, method: str, path: str, *, ignore_case: bool = False) -> dict[str, str] | None:
        """The values of the template's parameters, or None."""
        if method != self.method and not (method == "HEAD" and self.method == "GET"):
            return None
        found = _pattern(self.template, ignore_case).fullmatch(path)
        return found.groupdict() if found else None


@functools.cache
def _pattern(template: str, ignore_case: bool) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(pattern, re.IGNORECASE if ignore_case else 0)


def find_route(
    routes: Iterable[Route], method: str, path: str, *, ignore_case: bool = False
) -> tuple[Route, dict[str, str]] | None:
    """The first route that takes this method and path, with the parameters found in the path."""
    for route in routes:
        params = route.match(method, path, ignore_case=ignore_case)
        if params is not None:
            return route, params
    return None


def known(routes: Iterable[Route]) -> str:
    """The routes as one line of text, for an answer to a request that has none."""
    return "; ".join(f"{route.method} {route.template}" for route in routes)
