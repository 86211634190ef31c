"""What every request to Azure goes through: azure-core's pipeline, its policies named one by one.

The lists that Microsoft's clients make by themselves follow redirects, log, and register resource providers.
"""

import logging
from typing import Any
from urllib.parse import urlsplit

from azure.core import exceptions as azure
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline import policies
from azure.core.pipeline.transport import RequestsTransport

from deployer.errors import Untrusted
from deployer.providers.traffic import CONNECT_SECONDS
from deployer.providers.traffic import Traffic
from deployer.providers.traffic import jittered

LONGEST_WAIT_SECONDS = 30.0
READ_SECONDS = 60

# Its clients log what they cannot decode, with a traceback; what matters of it is in our errors.
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


class PatientRetries(policies.RetryPolicy[Any, Any]):
    """Bounded retries; the server may ask for a wait, but not for an hour. Waits end when the run is to stop."""

    def __init__(self) -> None:
        super().__init__(retry_total=3, retry_backoff_factor=0.5, retry_backoff_max=10)

    def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
        """Whether there is another try. Not after silence: who did not answer in all that time will not the next."""
        silent = isinstance(error, azure.ServiceRequestTimeoutError | azure.ServiceResponseTimeoutError)
        return False if silent else bool(super().increment(settings, response, error))

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """Seconds to wait: what the server asks for, `LONGEST_WAIT_SECONDS` of it at most, with jitter. None for a
        header that makes no sense."""
        try:
            asked: float | None = super().get_retry_after(response)
        except (ValueError, OverflowError):
            return None
        return None if asked is None else jittered(min(asked, LONGEST_WAIT_SECONDS))

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Seconds to wait where the server asks for nothing, with jitter."""
        return jittered(super().get_backoff_time(settings))


class RunsTransport(RequestsTransport):  # type: ignore[misc]  # loaded lazily, so its type is not known
    """Sends over the connections of the run."""

    def __init__(self, traffic: Traffic, endpoint: str, read_seconds: int = READ_SECONDS) -> None:
        session = traffic.session(endpoint)
        self._traffic = traffic
        super().__init__(
            session=session,
            session_owner=False,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            use_env_settings=session.trust_env,
        )

    def sleep(self, duration: float) -> None:
        """Wait before a request is tried again."""
        self._traffic.pause(duration)


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def cause(error: azure.AzureError, read_seconds: int = READ_SECONDS) -> str:
    """Why there was no answer, without the request."""
    if isinstance(error, azure.ServiceRequestTimeoutError | azure.ServiceResponseTimeoutError):
        return f"timed out ({CONNECT_SECONDS} s to connect, {read_seconds} s to answer)"
    return "the connection failed or was closed"
