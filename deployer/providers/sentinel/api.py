"""Sentinel's alert rules and watchlists through ARM, by Microsoft's own client, with plain dict bodies.

azure-mgmt-securityinsight 2.0.0b4 is the only line with subTechniques and NRT rules. Its models leave out `kind`, so
bodies are dicts (they keep unknown properties, too).
"""

import json
import logging
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from typing import TypeVar
from urllib.parse import quote
from urllib.parse import urlencode
from urllib.parse import urlsplit

import requests
from azure.core import exceptions as azure
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline import policies
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.mgmt.securityinsight import SecurityInsightsMgmtClient

from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.errors import Untrusted
from deployer.hosts import loopback

Document = dict[str, Any]
Answer = TypeVar("Answer")

API_VERSION = "2025-10-01-preview"
LONGEST_WAIT_SECONDS = 30.0
CONNECT_SECONDS = 10
READ_SECONDS = 60
_RULES, _WATCHLISTS, _ITEMS = "alert rules", "watchlists", "watchlist items"
_LISTS = {"alertrules": _RULES, "watchlists": _WATCHLISTS, "watchlistitems": _ITEMS}
_END = object()
_MESSAGE_LIMIT = 500

# The client logs what it cannot decode, with a traceback; what matters of it is in our errors.
logging.getLogger("azure").addHandler(logging.NullHandler())


class OneOrigin(policies.SansIOHTTPPolicy[Any, Any]):
    """Lets no request leave for another origin: a `nextLink` comes from the server and would take the token along."""

    def __init__(self, endpoint: str) -> None:
        self._origin = origin(endpoint)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Refuse a request to anywhere else, before the token is put in."""
        if origin(request.http_request.url) != self._origin:
            where = origin(request.http_request.url)
            raise Untrusted(f"the server pointed to {where}, which is not {self._origin}; not followed")


class WholePages(policies.SansIOHTTPPolicy[Any, Any]):
    """Holds every page of a list to its documented form.

    The client takes a page without `value` for an empty one, and a link that was followed before for a new one.
    """

    def __init__(self) -> None:
        self._followed: set[str] = set()

    def begin(self) -> None:
        """A new list."""
        self._followed.clear()

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Refuse what is no page of alert rules, watchlists or their items."""
        path = urlsplit(request.http_request.url).path
        what = _LISTS.get(path.rsplit("/", 1)[-1].lower())
        if response.http_response.status_code != 200 or what is None:
            return
        try:
            page = json.loads(response.http_response.text())
        except ValueError:
            raise BadAnswer(f"{path}: the answer is not JSON") from None
        value = page.get("value") if isinstance(page, dict) else None
        if not isinstance(value, list) or not all(isinstance(rule, dict) for rule in value):
            raise BadAnswer(f"{path}: the answer is not a page of {what}")
        link = page.get("nextLink")
        if link and (not isinstance(link, str) or link in self._followed or not urlsplit(link).scheme):
            raise BadAnswer(f"{path}: the page leads to no next page")
        if link:
            self._followed.add(link)


class PatientRetries(policies.RetryPolicy[Any, Any]):
    """Bounded retries; the server may ask for a wait, but not for an hour."""

    def __init__(self) -> None:
        super().__init__(retry_total=3, retry_backoff_factor=0.5, retry_backoff_max=10)

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """Seconds that the server asks for, at most `LONGEST_WAIT_SECONDS`."""
        asked: float | None = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_WAIT_SECONDS)


class SentinelApi:
    """One workspace."""

    def __init__(
        self,
        endpoint: str,
        subscription_id: str,
        resource_group: str,
        workspace: str,
        *,
        authentication: Any,
        redact: Callable[[str], str],
        who: str,
        api_version: str | None = None,
    ) -> None:
        self._place = (resource_group, workspace)
        parts = ["", "subscriptions", subscription_id, "resourceGroups", resource_group]
        parts += ["providers", "Microsoft.OperationalInsights", "workspaces", workspace]
        parts += ["providers", "Microsoft.SecurityInsights"]
        self._workspace = "/".join(quote(part, safe="") for part in parts)
        self._version = urlencode({"api-version": api_version or API_VERSION})
        self._what = f"{endpoint.rstrip('/')} workspace {workspace}"
        self._redact = redact
        self._who = who
        self._pages = WholePages()
        self._client = SecurityInsightsMgmtClient(
            NoCredential(),
            subscription_id,
            base_url=endpoint.rstrip("/"),
            api_version=api_version or API_VERSION,
            # Named one by one: the default list follows redirects, logs, and registers resource providers by itself.
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent="deployer"),
                policies.ContentDecodePolicy(),
                OneOrigin(endpoint),
                self._pages,
                PatientRetries(),
                authentication,
            ],
            transport=transport(endpoint),
        )

    def close(self) -> None:
        self._client.close()

    def rules(self) -> Iterator[Document]:
        """Every analytics rule of the workspace, page by page."""
        return self._listed(_RULES, lambda: self._client.alert_rules.list(*self._place))

    def rule(self, name: str) -> Document | None:
        return self._got(_RULES, lambda: self._client.alert_rules.get(*self._place, name))

    def put_rule(self, name: str, body: Document) -> None:
        # The client's types know models only; its code takes a dict as it is, unknown properties included.
        put: Callable[..., Any] = self._client.alert_rules.create_or_update
        self._ask("put", lambda: put(*self._place, name, body))

    def delete_rule(self, name: str) -> None:
        self._ask("delete", lambda: self._client.alert_rules.delete(*self._place, name))

    def watchlists(self) -> Iterator[Document]:
        """Every watchlist of the workspace without its items, page by page."""
        return self._listed(_WATCHLISTS, lambda: self._client.watchlists.list(*self._place))

    def watchlist(self, alias: str) -> Document | None:
        return self._got(_WATCHLISTS, lambda: self._client.watchlists.get(*self._place, alias))

    def watchlist_items(self, alias: str) -> Iterator[Document]:
        """Every item of a watchlist, page by page.

        Without the client's models, which take longer over thousands of items than Azure does.
        """
        self._pages.begin()
        link: str | None = f"{self._workspace}/watchlists/{quote(alias, safe='')}/watchlistItems?{self._version}"
        while link:
            page = self._ask("list", partial(self._sent, HttpRequest("GET", link)), _ITEMS)
            for one in page["value"]:
                yield self._document(one, _ITEMS)
            link = page.get("nextLink")

    def _sent(self, request: HttpRequest) -> Document:
        response = self._client.send_request(request)
        response.raise_for_status()
        return dict(response.json())

    def put_watchlist(self, alias: str, body: Document) -> None:
        """Taken, and not yet done: the service goes on by itself, and its state tells how far it is."""
        put: Callable[..., Any] = self._client.watchlists.begin_create_or_update
        self._ask("put", lambda: put(*self._place, alias, body, polling=False), _WATCHLISTS)

    def delete_watchlist(self, alias: str) -> None:
        """Taken, and not yet done."""
        with suppress(_Taken):
            self._ask("delete", lambda: self._client.watchlists.begin_delete(*self._place, alias, polling=False),
                      _WATCHLISTS)  # fmt: skip

    def delete_watchlist_item(self, alias: str, name: str) -> None:
        self._ask("delete", lambda: self._client.watchlist_items.delete(*self._place, alias, name), _ITEMS)

    def _listed(self, what: str, list: Callable[[], Iterable[Any]]) -> Iterator[Document]:
        self._pages.begin()
        found = self._ask("list", lambda: iter(list()), what)
        while (one := self._ask("list", lambda: next(found, _END), what)) is not _END:
            yield self._document(one, what)

    def _got(self, what: str, get: Callable[[], Any]) -> Document | None:
        try:
            return self._document(self._ask("get", get, what), what)
        except _Absent:
            return None

    def _ask(self, verb: str, call: Callable[[], Answer], of: str = _RULES) -> Answer:
        try:
            return call()
        except azure.AzureError as error:
            raise self._error(verb, error, of) from None
        except ValueError:
            raise BadAnswer(f"{verb} {of} at {self._what}: the answer is not JSON") from None

    def _error(self, verb: str, error: azure.AzureError, of: str) -> ProviderError:
        what = f"{verb} {of} at {self._what}"
        message = self._redact(_message(error))[:_MESSAGE_LIMIT]
        status = getattr(error, "status_code", None)
        if isinstance(error, azure.DecodeError):
            return BadAnswer(f"{what}: the answer is not JSON")
        if status is None:
            if isinstance(error, azure.ClientAuthenticationError):
                way_out = "log in (az login), or see to the pipeline's workload identity or the client secret"
                return Denied(f"{what}: no token for {self._who}: {message[:120]}; {way_out}")
            return Unreachable(f"no answer: {what}: {cause(error)}")
        text = f"{status}: {what}: {message}"
        if status == 200 and verb == "delete":
            # What versions before 2025 answer, and the client of a later one does not know.
            return _Taken(text)
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
        return Overloaded(text) if status == 429 or status >= 500 else Refused(text)

    def _document(self, one: Any, what: str) -> Document:
        document = one if isinstance(one, dict) else one.as_dict()
        if not isinstance(document.get("name"), str):
            raise BadAnswer(f"{self._what} gave one of its {what} without a name")
        return dict(document)


class _Absent(Refused):
    """404 for one object."""


class _Taken(ProviderError):
    """Not an error: a delete that was taken."""


class NoCredential:
    """The client demands one, but the authentication policy is ours."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        raise Untrusted(f"no token for {', '.join(scopes)} was to be asked for here")


def transport(endpoint: str, read_seconds: int = READ_SECONDS) -> RequestsTransport:
    """Connections to an endpoint: neither a netrc file nor, on this machine, a proxy has a say in them."""
    session = requests.Session()
    session.auth = _leave_alone  # else a netrc entry for the host would replace the token
    # A proxy named by the environment must not see loopback traffic.
    session.trust_env = not loopback(urlsplit(endpoint).hostname or "")
    return RequestsTransport(
        session=session,
        session_owner=True,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        use_env_settings=session.trust_env,
    )


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def _is_absence(error: azure.AzureError) -> bool:
    """Whether a 404 is about the object: not about its workspace or group, and not the word of a proxy.

    The code that ARM gives for a missing object is not settled, so the others are ruled out.
    """
    inner = getattr(error, "error", None)
    code, message = getattr(inner, "code", None), _message(error)
    if not code or code in ("ResourceGroupNotFound", "SubscriptionNotFound", "InvalidResourceType"):
        return False
    return re.search("alertRules|watchlist", message, re.IGNORECASE) is not None or "/workspaces/" not in message


def _message(error: azure.AzureError) -> str:
    inner = getattr(error, "error", None)
    message = getattr(inner, "message", None) or error.message or type(error).__name__
    return " ".join(str(message).split())


def cause(error: azure.AzureError, read_seconds: int = READ_SECONDS) -> str:
    """Why there was no answer, without the request."""
    if isinstance(error, azure.ServiceRequestTimeoutError | azure.ServiceResponseTimeoutError):
        return f"timed out ({CONNECT_SECONDS} s to connect, {read_seconds} s to answer)"
    return "the connection failed or was closed"
