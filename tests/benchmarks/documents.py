"""What a Kibana space and a Sentinel workspace hold, kept by the stub: lenient, in memory, encoded once.

Whatever is written is kept as it came, with what the server adds. Ids are made of the object's own key, so that the
requests of one run can be sent again to an empty stub and fit.
"""

import json
import uuid
from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import unquote
from urllib.parse import urlsplit

Document = dict[str, Any]

ARM_PAGE = 50
"""Rules in one page of ARM's list, as the emulator has it."""
WHO = "bench"
_NAMES = uuid.UUID("5f0c9c1e-6a55-4d8e-9d3c-3f4f3c1a7b10")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, taken apart."""

    method: str
    path: str
    """Below the space or the workspace."""
    query: Mapping[str, str]
    body: Any
    url: str
    """The whole address without its query."""

    @property
    def reads(self) -> bool:
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and what it counts as."""

    kind: str
    body: bytes = b""
    status: int = 200


@dataclass(slots=True)
class Collection:
    """Objects of one kind by their own id, each beside the bytes that show it."""

    key: str
    documents: dict[str, tuple[Document, bytes]] = field(default_factory=dict)

    def keep(self, id: str, document: Document) -> bytes:
        encoded = as_bytes(document)
        self.documents[id] = (document, encoded)
        return encoded

    def shown(self, chosen: Callable[[Document], bool] | None = None) -> list[bytes]:
        """The bytes of all of them, or of some."""
        every = self.documents.values()
        return [encoded for document, encoded in every if chosen is None or chosen(document)]


class Place(ABC):
    """A space or a workspace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers: dict[bytes, Answered] = {}
        """What reads were answered since the last write, by the request's first line."""

    @abstractmethod
    def answer(self, asked: Asked) -> Answered:
        """Any request there; what is not known is 404 and counts as `unknown`."""

    def id_of(self, id: str) -> str:
        """The server's own id of an object: always the same."""
        return str(uuid.uuid5(_NAMES, f"{self.name}/{id}"))


class Space(Place):
    """A Kibana space."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.rules = Collection("rule_id")
        self.lists = Collection("list_id")
        self.items = Collection("item_id")
        self.views = Collection("id")

    def answer(self, asked: Asked) -> Answered:
        path = asked.path
        if path.startswith("/api/detection_engine/rules"):
            return self._objects(asked, self.rules, "/api/detection_engine/rules", _rule_additions)
        if path.startswith("/api/exception_lists/items"):
            return self._objects(asked, self.items, "/api/exception_lists/items", _item_additions)
        if path.startswith("/api/exception_lists"):
            return self._objects(asked, self.lists, "/api/exception_lists", _list_additions)
        if path.startswith("/api/data_views"):
            return self._views(asked)
        if path == "/api/status":
            return Answered("GET status", STATUS)
        if path == "/api/detection_engine/privileges":
            return Answered("GET privileges", PRIVILEGES)
        if path.startswith("/api/alerting/rule/"):
            running = {"id": path.rpartition("/")[2], "api_key_owner": WHO, "api_key_created_by_user": True}
            return Answered("GET alerting rule", as_bytes(running))
        return _missing(f"{asked.method} {'value list' if path.startswith('/api/lists') else 'unknown'}", path)

    def _objects(
        self, asked: Asked, kept: Collection, base: str, additions: Callable[[Document, Document], Document]
    ) -> Answered:
        what = base.removeprefix("/api/").removeprefix("detection_engine/")
        if asked.path == f"{base}/_find":
            return Answered(f"GET {what}/_find", self._page(asked, kept))
        kind = f"{asked.method} {what}"
        body = asked.body if isinstance(asked.body, dict) else {}
        id = str(asked.query.get(kept.key) or body.get(kept.key) or self._by_id(kept, body.get("id")))
        old = kept.documents.get(id)
        if asked.method == "POST":
            if old:
                return Answered(kind, as_bytes({"status_code": 409, "message": f"{id!r} already exists"}), 409)
            new = {**additions(body, {}), **body, **self._stamps(None), kept.key: id, "id": self.id_of(f"{what}/{id}")}
            return Answered(kind, kept.keep(id, new))
        if old is None:
            return _missing(kind, id)
        if asked.method == "DELETE":
            del kept.documents[id]
        elif asked.method in ("PUT", "PATCH"):
            replaced = {**old[0], **body} if asked.method == "PATCH" or kept is not self.rules else body
            stamps = self._stamps(old[0])
            return Answered(kind, kept.keep(id, {**replaced, **additions(body, old[0]), **stamps, "id": old[0]["id"]}))
        return Answered(kind, old[1])

    def _by_id(self, kept: Collection, id: object) -> str:
        return next((key for key, (one, _) in kept.documents.items() if one["id"] == id), "")

    def _page(self, asked: Asked, kept: Collection) -> bytes:
        page, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 20))
        lists = frozenset(asked.query.get("list_id", "").split(","))
        shown = kept.shown((lambda one: one["list_id"] in lists) if kept is self.items else None)
        head = f'{{"page":{page},"per_page":{size},"perPage":{size},"total":{len(shown)},"data":['.encode()
        return head + b",".join(shown[(page - 1) * size : page * size]) + b"]}"

    def _views(self, asked: Asked) -> Answered:
        kind = f"{asked.method} data_view"
        id = asked.path.removeprefix("/api/data_views").removeprefix("/data_view").strip("/")
        sent = asked.body.get("data_view", {}) if isinstance(asked.body, dict) else {}
        if asked.reads and not id:
            listed = [
                {name: one.get(name) for name in ("id", "title", "name")} for one, _ in self.views.documents.values()
            ]
            return Answered("GET data_views", as_bytes({"data_view": listed}))
        if asked.method == "POST":
            id = id or str(sent.get("id"))
            old = self.views.documents.get(id, ({}, b""))[0]
            new = {**old, **sent, "id": id, "version": str(int(old.get("version", 0)) + 1), "namespaces": [self.name]}
            self.views.keep(id, new)
        elif id not in self.views.documents:
            return Answered(
                kind, as_bytes({"statusCode": 404, "message": f"Saved object [index-pattern/{id}] not found"}), 404
            )
        found = self.views.documents[id][1]
        if asked.method == "DELETE":
            del self.views.documents[id]
            return Answered(kind)
        return Answered(kind, b'{"data_view":' + found + b"}")

    def _stamps(self, old: Document | None) -> Document:
        now = datetime.now(UTC).isoformat()
        created = {name: (old or {}).get(name, value) for name, value in (("created_at", now), ("created_by", WHO))}
        return {**created, "updated_at": now, "updated_by": WHO}


def _rule_additions(_: Document, old: Document) -> Document:
    return {"immutable": False, "rule_source": {"type": "internal"}, "revision": int(old.get("revision", -1)) + 1}


def _list_additions(_: Document, old: Document) -> Document:
    return {"immutable": False, "tie_breaker_id": "0", "version": 1, "_version": _next(old)}


def _item_additions(body: Document, old: Document) -> Document:
    added = {"tie_breaker_id": "0", "_version": _next(old)}
    return {**added, "os_types": body.get("os_types", []), "comments": body.get("comments", [])}


def _next(old: Document) -> str:
    return f"v{int(str(old.get('_version', 'v0'))[1:]) + 1}"


class Workspace(Place):
    """A Sentinel workspace, as ARM shows it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.kept: dict[str, dict[str, tuple[Document, bytes]]] = {"alertRules": {}, "watchlists": {}}

    def answer(self, asked: Asked) -> Answered:
        what, _, name = asked.path.strip("/").partition("/")
        what = {one.lower(): one for one in self.kept}.get(what.lower(), "")
        if not what or "/" in name:
            return _missing(f"{asked.method} unknown", asked.path, arm=True)
        kept, id = self.kept[what], unquote(name).lower()
        if not id:
            return Answered(f"GET {what} (list)", self._page(asked, [encoded for _, encoded in kept.values()]))
        kind = f"{asked.method} {what}"
        old = kept.get(id)
        if asked.method == "PUT":
            new = self._written(asked, what, unquote(name), old[0] if old else None)
            kept[id] = (new, as_bytes(new))
            return Answered(kind, kept[id][1], 200 if old else 201)
        if old is None:
            return Answered(kind, status=204) if asked.method == "DELETE" else _missing(kind, f"{what} {id}", arm=True)
        if asked.method == "DELETE":
            del kept[id]
            return Answered(kind)
        return Answered(kind, old[1])

    def _page(self, asked: Asked, shown: list[bytes]) -> bytes:
        start = int(asked.query.get("$skipToken", "0"))
        tail = b"]}"
        if start + ARM_PAGE < len(shown):
            version = asked.query.get("api-version", "")
            link = f"{asked.url}?api-version={version}&$skipToken={start + ARM_PAGE}"
            tail = b'],"nextLink":' + as_bytes(link) + b"}"
        return b'{"value":[' + b",".join(shown[start : start + ARM_PAGE]) + tail

    def _written(self, asked: Asked, what: str, name: str, old: Document | None) -> Document:
        now = datetime.now(UTC).isoformat()
        times = int(old["etag"].strip('"')) + 1 if old else 1
        by = {"lastModifiedAt": now, "lastModifiedBy": WHO, "lastModifiedByType": "Application"}
        return {
            "id": urlsplit(asked.url).path,
            "name": name,
            "type": f"Microsoft.SecurityInsights/{what}",
            "kind": asked.body.get("kind"),
            "etag": f'"{times}"',
            "systemData": {"createdAt": now, "createdBy": WHO, "createdByType": "Application", **by},
            "properties": {**asked.body.get("properties", {}), "lastModifiedUtc": now},
        }


def place_of(target: str) -> tuple[str, str]:
    """The place that a request is for, empty for the server as a whole, and the path below it."""
    path = target.partition("?")[0]
    if path.startswith("/s/"):
        name, _, below = path[3:].partition("/")
        return name, f"/{below}"
    if path.lower().startswith("/subscriptions/"):
        head, found, below = path.partition("/providers/Microsoft.SecurityInsights")
        return (head.lower(), below) if found else ("", path)
    return "", path


def taken_apart(method: str, target: str, origin: str, content: bytes) -> Asked:
    """A request, as its place is to answer it."""
    path, _, query = target.partition("?")
    params = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    body = json.loads(content) if content[:1] in (b"{", b"[") else None
    return Asked(method, place_of(target)[1], params, body, origin + path)


def made(name: str) -> Place:
    """An empty place of this name."""
    return Workspace(name) if name.startswith("/subscriptions/") else Space(name)


def as_bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def objects(places: Iterable[Place]) -> int:
    """How many objects there are."""
    count = 0
    for one in places:
        if isinstance(one, Space):
            count += sum(len(kept.documents) for kept in (one.rules, one.lists, one.items, one.views))
        elif isinstance(one, Workspace):
            count += sum(map(len, one.kept.values()))
    return count


def _missing(kind: str, what: str, *, arm: bool = False) -> Answered:
    if arm:
        message = f"The resource alertRules/watchlists {what} does not exist"
        return Answered(kind, as_bytes({"error": {"code": "NotFound", "message": message}}), 404)
    return Answered(kind, as_bytes({"status_code": 404, "message": f"{what!r} not found"}), 404)


STATUS = as_bytes(
    {
        "name": "stub",
        "version": {"number": "9.2.0", "build_flavor": "traditional"},
        "status": {"overall": {"level": "available"}},
    }
)
PRIVILEGES = as_bytes({"username": WHO, "is_authenticated": True, "has_encryption_key": True})
