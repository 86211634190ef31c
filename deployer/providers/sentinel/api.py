"""Sentinel's alert rules and watchlists through ARM, one method a call. Documents go in and out as ARM has them.

Over azure-core's own pipeline. Microsoft's client for Sentinel is not used: its models leave out `kind`, and reading
five rules through them takes twice the time of the request itself.
"""

import json
import re
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from urllib.parse import urlencode
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core import exceptions as azure
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.core.rest import HttpResponse

from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.providers.sentinel.pipeline import OneOrigin
from deployer.providers.sentinel.pipeline import PatientRetries
from deployer.providers.sentinel.pipeline import RunsTransport
from deployer.providers.sentinel.pipeline import cause
from deployer.providers.sentinel.pipeline import origin
from deployer.providers.traffic import Traffic

Document = dict[str, Any]
Client = PipelineClient[HttpRequest, HttpResponse]

API_VERSION = "2025-10-01-preview"
_RULES, _WATCHLISTS, _ITEMS = "alert rules", "watchlists", "watchlist items"
_MESSAGE_LIMIT = 500


def client(endpoint: str, authentication: Any, traffic: Traffic) -> Client:
    """What asks one ARM endpoint, for every workspace behind it; `authentication` is the policy that shows who asks."""
    return PipelineClient(
        endpoint.rstrip("/"),
        policies=[
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy(base_user_agent="deployer"),
            OneOrigin(endpoint),
            PatientRetries(),
            authentication,
        ],
        transport=RunsTransport(traffic, endpoint),
    )


class SentinelApi:
    """One workspace."""

    def __init__(
        self,
        client: Client,
        endpoint: str,
        subscription_id: str,
        resource_group: str,
        workspace: str,
        *,
        redact: Callable[[str], str],
        who: str,
        api_version: str | None = None,
    ) -> None:
        parts = ["subscriptions", subscription_id, "resourceGroups", resource_group]
        parts += ["providers", "Microsoft.OperationalInsights", "workspaces", workspace]
        parts += ["providers", "Microsoft.SecurityInsights"]
        self._endpoint = endpoint.rstrip("/")
        self._workspace = f"{self._endpoint}/{'/'.join(quote(part, safe='') for part in parts)}"
        self._version = urlencode({"api-version": api_version or API_VERSION})
        self._what = f"{self._endpoint} workspace {workspace}"
        self._redact = redact
        self._who = who
        self._client = client

    def rules(self) -> Iterator[Document]:
        """Every analytics rule of the workspace, page by page."""
        return self._listed(_RULES, "alertRules")

    def rule(self, name: str) -> Document | None:
        return self._got(_RULES, "alertRules", name)

    def put_rule(self, name: str, body: Document) -> None:
        self._ask("put", _RULES, "PUT", self._url("alertRules", name), body)

    def delete_rule(self, name: str) -> None:
        self._ask("delete", _RULES, "DELETE", self._url("alertRules", name))

    def watchlists(self) -> Iterator[Document]:
        """Every watchlist of the workspace without its items, page by page."""
        return self._listed(_WATCHLISTS, "watchlists")

    def watchlist(self, alias: str) -> Document | None:
        return self._got(_WATCHLISTS, "watchlists", alias)

    def watchlist_items(self, alias: str) -> Iterator[Document]:
        """Every item of a watchlist, page by page."""
        return self._listed(_ITEMS, "watchlists", alias, "watchlistItems")

    def put_watchlist(self, alias: str, body: Document) -> None:
        """Taken, and not yet done: the service goes on by itself, and its state tells how far it is."""
        self._ask("put", _WATCHLISTS, "PUT", self._url("watchlists", alias), body)

    def delete_watchlist(self, alias: str) -> None:
        """Taken, and not yet done."""
        self._ask("delete", _WATCHLISTS, "DELETE", self._url("watchlists", alias))

    def delete_watchlist_item(self, alias: str, name: str) -> None:
        self._ask("delete", _ITEMS, "DELETE", self._url("watchlists", alias, "watchlistItems", name))

    def _url(self, *path: str) -> str:
        return f"{self._workspace}/{'/'.join(quote(part, safe='') for part in path)}?{self._version}"

    def _listed(self, what: str, *path: str) -> Iterator[Document]:
        """Every document, or `BadAnswer`: what is no page, or leads to a page before, must not look like an end."""
        link: str | None = self._url(*path)
        followed: set[str] = set()
        while link:
            page = self._json("list", what, self._ask("list", what, "GET", link))
            where = urlsplit(link).path
            value = page.get("value") if isinstance(page, dict) else None
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                raise BadAnswer(f"{where}: the answer is not a page of {what}")
            yield from (self._document(one, what) for one in value)
            link = page.get("nextLink") or None
            if link and (not isinstance(link, str) or link in followed or not _leads_on(link)):
                raise BadAnswer(f"{where}: the page leads to no next page")
            followed.add(link or "")

    def _got(self, what: str, *path: str) -> Document | None:
        try:
            response = self._ask("get", what, "GET", self._url(*path))
        except _Absent:
            return None
        return self._document(self._json("get", what, response), what)

    def _ask(self, verb: str, what: str, method: str, url: str, body: Document | None = None) -> HttpResponse:
        """The answer, if it is a success."""
        try:
            response = self._client.send_request(HttpRequest(method, url, json=body))
            # A write is looked at once it is made; of what is read, 202 and 206 are not the whole.
            if response.status_code not in ((200,) if method == "GET" else range(200, 300)):
                raise azure.HttpResponseError(response=response)
        except azure.AzureError as error:
            raise self._error(verb, error, what) from None
        return response

    def _json(self, verb: str, what: str, response: HttpResponse) -> Any:
        try:
            return json.loads(response.content)  # its own `json` puts a sign in place of what is not UTF-8
        except ValueError:
            raise BadAnswer(f"{verb} {what} at {self._what}: the answer is not JSON") from None

    def _error(self, verb: str, error: azure.AzureError, of: str) -> ProviderError:
        what = f"{verb} {of} at {self._what}"
        message = self._redact(_message(error))[:_MESSAGE_LIMIT]
        status = getattr(error, "status_code", None)
        if status is None:
            if isinstance(error, azure.ClientAuthenticationError):
                way_out = "log in (az login), or see to the pipeline's workload identity or the client secret"
                return Denied(f"{what}: no token for {self._who}: {message[:120]}; {way_out}")
            return Unreachable(f"no answer: {what}: {cause(error)}")
        text = f"{status}: {what}: {message}"
        if status in (401, 403):
            return Denied(f"{text} ({self._who})")
        if "recently deleted" in message:
            return Refused(f"{text} (Sentinel keeps a deleted id back for about a day: apply again then)")
        if status == 404 and verb == "get" and _is_absence(error):
            return _Absent(text)
        if status in (409, 412):
            return Conflict(text)
        if 300 <= status < 400:
            return BadAnswer(f"{what}: {status}, a redirect, which is never followed")
        if status < 300:
            return BadAnswer(f"{what}: {status}, which is not a whole answer")
        return Overloaded(text) if status == 429 or status >= 500 else Refused(text)

    def _document(self, one: Any, what: str) -> Document:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise BadAnswer(f"{self._what} gave one of its {what} without a name")
        return one


class _Absent(Refused):
    """404 for one object."""


def _is_absence(error: azure.AzureError) -> bool:
    """Whether a 404 is about the object: not about its workspace or group, and not the word of a proxy.

    The code that ARM gives for a missing object is not settled, so the others are ruled out.
    """
    inner = getattr(error, "error", None)
    code, message = getattr(inner, "code", None), _message(error)
    if not code or code in ("ResourceGroupNotFound", "SubscriptionNotFound", "InvalidResourceType"):
        return False
    return re.search("alertRules|watchlist", message, re.IGNORECASE) is not None or "/workspaces/" not in message


def _leads_on(link: str) -> bool:
    """Whether it is an address, in full."""
    try:
        return bool(origin(link) and urlsplit(link).scheme)
    except ValueError:
        return False


def _message(error: azure.AzureError) -> str:
    inner = getattr(error, "error", None)
    message = getattr(inner, "message", None) or error.message or type(error).__name__
    return " ".join(str(message).split())
