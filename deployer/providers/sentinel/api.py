"""Sentinel's alert rules through ARM, by Microsoft's own client, with plain dict bodies.

azure-mgmt-securityinsight 2.0.0b4 is the only line with subTechniques and NRT rules. Its models leave out `kind`, so
bodies are dicts (they keep unknown properties, too).
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import TypeVar
from urllib.parse import urlsplit

from azure.core import exceptions as azure
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline import policies
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
_MESSAGE_LIMIT = 500


class OwnOrigin(policies.SansIOHTTPPolicy[Any, Any]):
    """Lets no request leave for another origin: a `nextLink` comes from the server and would take the token along."""

    def __init__(self, endpoint: str) -> None:
        self._origin = origin(endpoint)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        if origin(request.http_request.url) != self._origin:
            raise Untrusted(
                f"the server pointed to {origin(request.http_request.url)}, which is not {self._origin}; not followed"
            )


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
        self._what = f"{endpoint.rstrip('/')} workspace {workspace}"
        self._redact = redact
        self._who = who
        retry = policies.RetryPolicy(retry_total=3, retry_backoff_factor=0.5, retry_backoff_max=10, timeout=120)
        self._client = SecurityInsightsMgmtClient(
            _NoCredential(),
            subscription_id,
            base_url=endpoint.rstrip("/"),
            api_version=api_version or API_VERSION,
            # Named one by one: the default list follows redirects, logs, and registers resource providers by itself.
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent="deployer"),
                policies.ContentDecodePolicy(),
                OwnOrigin(endpoint),
                retry,
                authentication,
            ],
            connection_timeout=10,
            read_timeout=60,
            use_env_settings=not loopback(urlsplit(endpoint).hostname or ""),
        )

    def close(self) -> None:
        self._client.close()

    def rules(self) -> Iterator[Document]:
        """Every analytics rule of the workspace, page by page."""
        pages = self._ask("list", lambda: iter(self._client.alert_rules.list(*self._place)))
        while True:
            rule = self._ask("list", lambda: next(pages, None))
            if rule is None:
                return
            yield self._document(rule)

    def rule(self, rule_id: str) -> Document | None:
        try:
            return self._document(self._ask("get", lambda: self._client.alert_rules.get(*self._place, rule_id)))
        except _Absent:
            return None

    def put_rule(self, rule_id: str, body: Document) -> None:
        # The client's types know models only; its code takes a dict as it is, unknown properties included.
        put: Callable[..., Any] = self._client.alert_rules.create_or_update
        self._ask("put", lambda: put(*self._place, rule_id, body))

    def delete_rule(self, rule_id: str) -> None:
        self._ask("delete", lambda: self._client.alert_rules.delete(*self._place, rule_id))

    def _ask(self, verb: str, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except azure.AzureError as error:
            raise self._error(verb, error) from None
        except ValueError:
            raise BadAnswer(f"{verb} alert rules at {self._what}: the answer is not JSON") from None

    def _error(self, verb: str, error: azure.AzureError) -> ProviderError:
        what = f"{verb} alert rules at {self._what}"
        message = self._redact(_message(error))[:_MESSAGE_LIMIT]
        status = getattr(error, "status_code", None)
        if isinstance(error, azure.DecodeError):
            return BadAnswer(f"{what}: the answer is not JSON")
        if status is None:
            if isinstance(error, azure.ClientAuthenticationError):
                return Denied(f"{what}: no token: {message} ({self._who})")
            return Unreachable(f"no answer: {what}: {_cause(error)}")
        text = f"{status}: {what}: {message}"
        if status in (401, 403):
            return Denied(f"{text} ({self._who})")
        if "recently deleted" in message:
            return Refused(f"{text} (Sentinel keeps a deleted id back for about a day: apply again then)")
        if status == 404 and verb == "get":
            return _Absent(text)
        if status in (409, 412):
            return Conflict(text)
        if 300 <= status < 400:
            return BadAnswer(f"{what}: {status}, a redirect, which is never followed")
        return Overloaded(text) if status == 429 or status >= 500 else Refused(text)

    def _document(self, rule: Any) -> Document:
        document = rule if isinstance(rule, dict) else rule.as_dict()
        if not isinstance(document.get("name"), str) or not isinstance(document.get("properties"), dict):
            raise BadAnswer(f"{self._what} gave an alert rule without name or properties")
        return dict(document)


class _Absent(Refused):
    """404 for one rule."""


class _NoCredential:
    """The client demands one, but the authentication policy is ours."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        raise Untrusted(f"no token for {', '.join(scopes)} was to be asked for here")


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def _message(error: azure.AzureError) -> str:
    inner = getattr(error, "error", None)
    message = getattr(inner, "message", None) or error.message or type(error).__name__
    return " ".join(str(message).split())


def _cause(error: azure.AzureError) -> str:
    if isinstance(error, azure.ServiceRequestTimeoutError | azure.ServiceResponseTimeoutError):
        return "timed out (10 s to connect, 60 s to answer)"
    return "the connection failed or was closed"
