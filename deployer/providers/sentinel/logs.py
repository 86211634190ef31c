"""Queries over a workspace's logs, by Microsoft's own client.

Whoever asks gets every row or an error: the client itself takes a result that the service could not finish for a kind
of success. At most five queries of one user run at a time (learn.microsoft.com/azure/azure-monitor/service-limits,
user query throttling), so all readers of a run share their slots.
"""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from azure.core import exceptions as azure
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline import policies
from azure.monitor.query import LogsQueryClient
from azure.monitor.query import LogsQueryPartialResult
from azure.monitor.query import LogsTable

from deployer.errors import BadAnswer
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.errors import Untrusted
from deployer.providers.sentinel.pipeline import OneOrigin
from deployer.providers.sentinel.pipeline import PatientRetries
from deployer.providers.sentinel.pipeline import RunsTransport
from deployer.providers.sentinel.pipeline import cause
from deployer.providers.traffic import Traffic

Row = dict[str, Any]

SERVER_SECONDS = 60
"""How long the service may work on one query."""
READ_SECONDS = SERVER_SECONDS + 30
# A query is a POST, but it changes nothing: it may be sent again; once only if the connection broke meanwhile.
_RETRIES: dict[str, Any] = {"retry_on_methods": ["POST"], "retry_read": 1}
_MESSAGE_LIMIT = 500
_NO_TABLE = re.compile(r"Failed to resolve (?:table|entity)[^']*'([^']+)'")
_NO_FUNCTION = re.compile(r"Unknown function: '([^']+)'")
_WAY_OUT = "it needs Microsoft Sentinel Reader or Log Analytics Reader on the workspace"


class NoTable(Refused):
    """The workspace has no such table, or no such function: not the same as a table without rows."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class _NoCredential:
    """The client demands one, but the authentication policy is ours."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        raise Untrusted(f"no token for {', '.join(scopes)} was to be asked for here")


class _Refusals(policies.SansIOHTTPPolicy[Any, Any]):
    """Tells a refusal by its status alone: the client reads its body first, which may be a gateway's page."""

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Raise for what is no result, once there are no tries left."""
        if response.http_response.status_code != 200:
            raise azure.HttpResponseError(response=response.http_response)


class WorkspaceLogs:
    """The logs of one workspace."""

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
        slots: AbstractContextManager[Any],
        traffic: Traffic,
    ) -> None:
        endpoint = endpoint.rstrip("/").removesuffix("/v1")
        group = f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
        self.resource = f"{group}/providers/Microsoft.OperationalInsights/workspaces/{workspace}"
        """The workspace's resource id."""
        # The client puts the id into the path as it is.
        parts = (subscription_id, "resourceGroups", resource_group, "providers", "Microsoft.OperationalInsights")
        self._path = "/".join(quote(part, safe="") for part in ("subscriptions", *parts, "workspaces", workspace))
        self._what = f"log query at {endpoint} workspace {workspace}"
        self._redact = redact
        self._who = who
        self._slots = slots
        self._client = LogsQueryClient(
            _NoCredential(),
            endpoint=endpoint,
            policies=[
                _Refusals(),
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent="deployer"),
                OneOrigin(endpoint),
                PatientRetries(),
                authentication,
            ],
            transport=RunsTransport(traffic, endpoint, READ_SECONDS),
        )

    def rows(self, query: str, timespan: tuple[datetime, datetime] | None = None) -> list[Row]:
        """Every row of the query's result by column name: times are datetimes, dynamic values are JSON texts.

        With a `timespan` (start and end, UTC) the service holds `TimeGenerated` of all that is read against it, beside
        what the query asks for itself (learn.microsoft.com/azure/azure-monitor/logs/api/request-format); without one
        the span of time is the query's own. Raises `NoTable` for a table that is not there.
        """
        try:
            with self._slots:
                answer = self._client.query_resource(
                    self._path, query, timespan=timespan, server_timeout=SERVER_SECONDS, **_RETRIES
                )
            if isinstance(answer, LogsQueryPartialResult):
                said = self._said(answer.partial_error.message if answer.partial_error else "")
                raise BadAnswer(f"{self._what}: the result is incomplete, and so tells nothing: {said}")
            return _rows(answer.tables)
        except azure.AzureError as error:
            raise self._error(error) from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise BadAnswer(f"{self._what}: the answer is not that of a log query") from None

    def _error(self, error: azure.AzureError) -> ProviderError:
        response, status = getattr(error, "response", None), getattr(error, "status_code", None)
        if status is None:
            if isinstance(error, azure.ClientAuthenticationError):
                way_out = "log in (az login), or see to the pipeline's workload identity or the client secret"
                return Denied(f"{self._what}: no token for {self._who}: {self._said(error.message)[:120]}; {way_out}")
            return Unreachable(f"no answer: {self._what}: {cause(error, READ_SECONDS)}")
        if 300 <= status < 400:
            return BadAnswer(f"{self._what}: {status}, a redirect, which is never followed")
        inner = _innermost(response)
        said = self._said(inner.get("message") or error.message)
        text = f"{status}: {self._what}: {said}"
        if status == 403:
            return Denied(f"{text} (no permission to query logs: {self._who}; {_WAY_OUT})")
        if status == 401:
            return Denied(f"{text} ({self._who}, whose token must be for the query API of Log Analytics)")
        if status == 400 and (found := _NO_TABLE.search(said) or _NO_FUNCTION.search(said)):
            return NoTable(text, found[1])
        return Overloaded(text) if status == 429 or status >= 500 else Refused(text)

    def _said(self, message: object) -> str:
        return self._redact(" ".join(str(message or "").split()))[:_MESSAGE_LIMIT]


def _rows(tables: list[LogsTable]) -> list[Row]:
    """The rows of the one table that an answer to one query has."""
    if len(tables) != 1:
        raise ValueError(f"{len(tables)} tables")
    (table,) = tables
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _innermost(response: Any) -> dict[str, Any]:
    """The error within the errors: it alone says what is wrong."""
    try:
        error = json.loads(response.text())["error"]
        while isinstance(error.get("innererror"), dict):
            error = error["innererror"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return dict(error)
