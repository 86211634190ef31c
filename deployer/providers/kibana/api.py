"""Kibana's public HTTP API, one method a call. Documents go in and out as Kibana has them.

Version 2023-10-31 of the API, the only public one. Single-rule writes, never `_import`: it strips exception lists it
does not find and still answers 200 (kibana issues 143864, 269435).
"""

from collections.abc import Iterator
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deployer.errors import BadAnswer
from deployer.providers.http import Http

HEADERS = {"kbn-xsrf": "deployer", "elastic-api-version": "2023-10-31"}
PAGE = 1000
PREVIEW_SECONDS = 100
"""How long the answer to a preview is waited for."""
_RULES = "/api/detection_engine/rules"
_LISTS = "/api/exception_lists"
_ITEMS = "/api/exception_lists/items"
_VIEWS = "/api/data_views/data_view"
_VALUES = "/api/lists"
_VALUE_PAGE = 5000
"""Half of what Elasticsearch gives at once (`index.max_result_window`)."""

Document = dict[str, Any]


class KibanaApi:
    """One space."""

    def __init__(self, http: Http, space: str) -> None:
        self._http = http
        self.space = space
        self._prefix = "" if space == "default" else f"/s/{space}"

    def close(self) -> None:
        self._http.close()

    @property
    def host(self) -> str:
        """The base URL of its Kibana."""
        return self._http.base

    @property
    def now(self) -> datetime:
        """The time by Kibana's clock, as its last answer had it."""
        return self._http.now

    def status(self) -> Document:
        """Version and flavour of the server; the same for every space."""
        return self._document(self._http.json("GET", "/api/status"), "version")

    def privileges(self) -> Document:
        """What the credential may do in this space, and whether Kibana can run rules at all."""
        path = f"{self._prefix}/api/detection_engine/privileges"
        return self._document(self._http.json("GET", path), "is_authenticated")

    def every_rule(self) -> Iterator[Document]:
        """Every rule in the space, those that Elastic ships included: some thousand."""
        return self._pages(f"{_RULES}/_find", {"sort_field": "created_at", "sort_order": "asc"})

    def rules(self) -> Iterator[Document]:
        """Every rule in the space that Elastic did not ship, page by page."""
        return self._pages(
            f"{_RULES}/_find",
            {"filter": "alert.attributes.params.immutable: false", "sort_field": "created_at", "sort_order": "asc"},
        )

    def rule(self, rule_id: str) -> Document | None:
        return self._get(_RULES, {"rule_id": rule_id})

    def preview_rule(self, body: Document) -> Document:
        """What the rule in `body` finds, run `invocationCount` times up to `timeframeEnd`; it is not written.

        Kibana gives it 60 s in all, and then says that it is aborted (preview_rules/route.ts).
        """
        path = f"{self._prefix}{_RULES}/preview"
        return self._document(self._http.json("POST", path, body=body, seconds=PREVIEW_SECONDS), "logs")

    def running(self, id: str) -> Document | None:
        """The rule as Kibana's alerting runs it, by the id of its saved object; it says whose API key it runs with."""
        answer = self._http.json("GET", f"{self._prefix}/api/alerting/rule/{id}", absent=True)
        return None if answer is None else self._document(answer, "id")

    def create_rule(self, body: Document) -> Document:
        return self._send("POST", _RULES, body)

    def replace_rule(self, body: Document) -> Document:
        return self._send("PUT", _RULES, body)

    def disable_rule(self, rule_id: str) -> None:
        self._send("PATCH", _RULES, {"rule_id": rule_id, "enabled": False})

    def delete_rule(self, rule_id: str) -> None:
        self._delete(_RULES, {"rule_id": rule_id})

    def lists(self) -> Iterator[Document]:
        """Every exception list of this space."""
        return self._pages(f"{_LISTS}/_find", {"namespace_type": "single"})

    def list(self, list_id: str, namespace: str = "single") -> Document | None:
        return self._get(_LISTS, {"list_id": list_id, "namespace_type": namespace})

    def create_list(self, body: Document) -> Document:
        return self._send("POST", _LISTS, body)

    def replace_list(self, body: Document) -> Document:
        return self._send("PUT", _LISTS, body)

    def delete_list(self, list_id: str) -> None:
        self._delete(_LISTS, {"list_id": list_id, "namespace_type": "single"})

    def items(self, list_ids: Sequence[str]) -> Iterator[Document]:
        """Every item of these lists, in one request a page; the lists must exist."""
        if not list_ids:
            return iter(())
        types = ",".join(["single"] * len(list_ids))
        return self._pages(f"{_ITEMS}/_find", {"list_id": ",".join(list_ids), "namespace_type": types})

    def item(self, item_id: str) -> Document | None:
        return self._get(_ITEMS, {"item_id": item_id, "namespace_type": "single"})

    def create_item(self, body: Document) -> Document:
        return self._send("POST", _ITEMS, body)

    def replace_item(self, body: Document) -> Document:
        return self._send("PUT", _ITEMS, body)

    def delete_item(self, item_id: str) -> None:
        self._delete(_ITEMS, {"item_id": item_id, "namespace_type": "single"})

    def value_list(self, id: str) -> Document | None:
        """A value list without what is in it; None too where the space has never had one."""
        return self._get(_VALUES, {"id": id})

    def value_list_items(self, id: str) -> Sequence[Document]:
        """Everything in a value list, or `BadAnswer`. By cursor: paging by number walks there anew for each page.

        Before Kibana tracked it (`track_total_hits`), the total that it says stayed at 10,000.
        """
        found: dict[str, Document] = {}
        page, cursor = 1, ""
        while True:
            params: dict[str, str | int] = {"list_id": id, "page": page, "per_page": _VALUE_PAGE}
            path = f"{_VALUES}/items/_find"
            answer = self._http.json("GET", self._prefix + path, params={**params, **_cursor(cursor)})
            data, total = _page(answer, path)
            found |= {document["id"]: document for document in data}
            if len(data) < _VALUE_PAGE:
                break
            page, cursor = page + 1, str(answer.get("cursor") or "")
        if len(found) < total:
            raise BadAnswer(f"GET {path} said {total} values in {id} and gave {len(found)}; run again")
        return tuple(found.values())

    def value_list_size(self, id: str) -> int:
        """How many items it says it has."""
        path = f"{_VALUES}/items/_find"
        params: dict[str, str | int] = {"list_id": id, "page": 1, "per_page": 1}
        return _page(self._http.json("GET", self._prefix + path, params=params), path)[1]

    def prepare_value_lists(self) -> None:
        """Make the data streams of the space's value lists, once: before, it takes none."""
        if self._http.json("GET", f"{self._prefix}{_VALUES}/index", absent=True) is None:
            self._http.json("POST", f"{self._prefix}{_VALUES}/index")

    def create_value_list(self, body: Document) -> Document:
        return self._send("POST", _VALUES, body)

    def replace_value_list(self, body: Document) -> Document:
        """What it is called; what is in it stays."""
        return self._send("PUT", _VALUES, body)

    def import_values(self, id: str, values: Sequence[str]) -> None:
        """Add values, which must not be in it: Kibana would hold them twice."""
        content = "".join(f"{value}\n" for value in values).encode()
        params: dict[str, str | int] = {"list_id": id, "refresh": "true"}
        self._http.upload(f"{self._prefix}{_VALUES}/items/_import", params, f"{id}.txt", content)

    def delete_value(self, item_id: str, *, refresh: bool) -> None:
        """By the id of the item, never by its value: that would take every range which it touches."""
        self._delete(f"{_VALUES}/items", {"id": item_id, "refresh": str(refresh).lower()})

    def delete_value_list(self, id: str) -> None:
        """Refused with `Conflict` as long as an exception item, of any list of the space, refers to it."""
        self._delete(_VALUES, {"id": id, "deleteReferences": "false", "ignoreReferences": "false"})

    def data_view(self, view_id: str) -> Document | None:
        answer = self._http.json("GET", f"{self._prefix}{_VIEWS}/{view_id}", absent=True)
        return None if answer is None else self._view(answer)

    def create_data_view(self, body: Document) -> Document:
        """`override` stays false: it would delete another data view of the same name."""
        return self._view(
            self._http.json("POST", f"{self._prefix}{_VIEWS}", body={"data_view": body, "override": False})
        )

    def update_data_view(self, view_id: str, body: Document) -> Document:
        return self._view(self._http.json("POST", f"{self._prefix}{_VIEWS}/{view_id}", body={"data_view": body}))

    def delete_data_view(self, view_id: str) -> None:
        self._http.json("DELETE", f"{self._prefix}{_VIEWS}/{view_id}", absent=True, empty=True)

    def _get(self, path: str, params: dict[str, str | int]) -> Document | None:
        answer = self._http.json("GET", self._prefix + path, params=params, absent=True)
        return None if answer is None else self._document(answer, "id")

    def _send(self, method: str, path: str, body: Document) -> Document:
        return self._document(self._http.json(method, self._prefix + path, body=body), "id")

    def _delete(self, path: str, params: dict[str, str | int]) -> None:
        self._http.json("DELETE", self._prefix + path, params=params, absent=True)

    def _pages(self, path: str, params: dict[str, str | int]) -> Iterator[Document]:
        """Every document, or `BadAnswer`: a page that goes missing must not look like deleted objects."""
        seen: set[str] = set()
        page, before = 1, None
        while True:
            answer = self._http.json("GET", self._prefix + path, params={**params, "page": page, "per_page": PAGE})
            data, total = _page(answer, path)
            if before not in (None, total):
                raise BadAnswer(f"GET {path}: the space changed while it was read; run again")
            before = total
            for document in data:
                if document["id"] not in seen:
                    seen.add(document["id"])
                    yield document
            if page * PAGE >= total:
                break
            if not data:
                raise BadAnswer(f"GET {path} said {total} objects and gave {len(seen)}")
            page += 1
        if len(seen) < total:
            raise BadAnswer(
                f"GET {path} said {total} objects and gave {len(seen)}: the space changed meanwhile; run again"
            )

    def _view(self, answer: Any) -> Document:
        return self._document(self._document(answer, "data_view")["data_view"], "id")

    def _document(self, answer: Any, required: str) -> Document:
        if not isinstance(answer, dict) or required not in answer:
            raise BadAnswer(f"{self._http.base}{self._prefix} answered without {required!r}; is this Kibana?")
        return answer


def _cursor(text: str) -> dict[str, str | int]:
    return {"cursor": text} if text else {}


def _page(answer: Any, path: str) -> tuple[list[Document], int]:
    data = answer.get("data") if isinstance(answer, dict) else None
    total = answer.get("total") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not isinstance(total, int):
        raise BadAnswer(f"GET {path} answered something that is not a page of objects")
    if not all(isinstance(document, dict) and isinstance(document.get("id"), str) for document in data):
        raise BadAnswer(f"GET {path} gave an object without id")
    return data, total
