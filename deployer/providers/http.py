"""HTTP to one origin with one credential: bounded retries, no redirects, errors that say who, what and what to do."""

import base64
import random
import time
from collections.abc import Callable
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.auth import AuthBase
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import encode_multipart_formdata

from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.providers.secrets import Secret
from deployer.providers.traffic import CONNECT_SECONDS
from deployer.providers.traffic import Traffic
from deployer.providers.traffic import jittered

TIMEOUT_SECONDS = (CONNECT_SECONDS, 60)
"""To connect, and between two bytes of an answer."""
TRIES = 4
LONGEST_WAIT_SECONDS = 30.0
_NOT_BEGUN = frozenset({429, 503})
"""The server says that it did not begin: a write may be sent again."""
_BUSY = frozenset({429, 500, 502, 503, 504})
_MESSAGE_LIMIT = 500


class HeaderAuth(AuthBase):
    """Puts the secret into `Authorization`. As an `AuthBase` it wins over a netrc entry for the same host.

    A value with a colon, `user:password` or an API key as `id:key`, is encoded as both schemes want it.
    """

    def __init__(self, scheme: str, secret: Secret) -> None:
        self._scheme = scheme
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        value = self._secret.reveal()
        encoded = base64.b64encode(value.encode()).decode() if ":" in value else value
        request.headers["Authorization"] = f"{self._scheme} {encoded}"
        return request


class Http:
    """JSON over HTTP below one base URL."""

    def __init__(
        self,
        base: str,
        auth: HeaderAuth,
        who: str,
        *,
        headers: Mapping[str, str],
        redact: Callable[[str], str],
        ca: str | None = None,
        traffic: Traffic | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """`traffic` is that of the run; `sleep` waits before a request is tried again, as the run does if not given."""
        self._traffic = traffic or Traffic()
        self._alone = traffic is None
        self.base = base.rstrip("/")
        self._auth = auth
        self._who = who
        self._redact = redact
        # An environment's CA bundle overrides True, but no path.
        self._verify = ca or DEFAULT_CA_BUNDLE_PATH
        self._sleep = sleep or self._traffic.pause
        self._date = ""
        self._headers = dict(headers)

    @property
    def now(self) -> datetime:
        """The time by the server's clock, as its last answer had it; by our own if it does not say."""
        try:
            return parsedate_to_datetime(self._date).astimezone(UTC)
        except (ValueError, OverflowError):
            return datetime.now(UTC)

    def close(self) -> None:
        """Let go of the connections, unless they are the run's: the next target on this host goes over them."""
        if self._alone:
            self._traffic.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        absent: bool = False,
        empty: bool = False,
        seconds: float = TIMEOUT_SECONDS[1],
    ) -> Any:
        """The decoded answer. With `absent`, 404 is None; with `empty`, so is an answer without a body.

        `seconds` is how long the answer may take to begin. Every other refusal raises its `ProviderError`.
        """
        response = self._answer(method, path, params, body, seconds=seconds)
        if response.status_code == 404 and absent and _is_absence(response):
            return None
        if empty and 200 <= response.status_code < 300 and not response.content:
            return None
        return self._decoded(method, path, response)

    def upload(self, path: str, params: Mapping[str, str | int], filename: str, content: bytes) -> Any:
        """The decoded answer to a POST of one text file as a form; a refusal raises its `ProviderError`."""
        form, kind = encode_multipart_formdata({"file": (filename, content, "text/plain")})
        response = self._answer("POST", path, params, None, headers={"Content-Type": kind}, content=form)
        return self._decoded("POST", path, response)

    def exchange(
        self, method: str, path: str, *, headers: Mapping[str, str], content: bytes | None
    ) -> requests.Response:
        """An answer as it came, to a request that only reads; a refusal other than 404 raises its `ProviderError`."""
        response = self._answer(method, path, None, None, reads=True, headers=headers, content=content)
        if response.status_code == 404 or 200 <= response.status_code < 300:
            return response
        raise self._error(method, path, response)

    def _decoded(self, method: str, path: str, response: requests.Response) -> Any:
        if not 200 <= response.status_code < 300:
            raise self._error(method, path, response)
        try:
            return response.json()
        except ValueError:
            what = f"{self._what(method, path)} answered {response.status_code}"
            raise BadAnswer(f"{what} with something that is not JSON") from None

    def _answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        body: object,
        *,
        reads: bool | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        seconds: float = TIMEOUT_SECONDS[1],
    ) -> requests.Response:
        reads = method == "GET" if reads is None else reads
        session = self._traffic.session(self.base)
        for left in range(TRIES - 1, -1, -1):
            try:
                response = session.request(
                    method,
                    self.base + path,
                    params=params,
                    json=body,
                    headers=self._headers | dict(headers or {}),
                    data=content,
                    auth=self._auth,
                    verify=self._verify,  # per request: an environment's CA bundle would override the session's
                    timeout=(TIMEOUT_SECONDS[0], seconds),
                )
            except OSError as error:  # what requests raises, and a CA file that is not there
                # A host that did not take the connection in all that time does not the next time, either.
                again = isinstance(error, requests.ConnectionError) and not isinstance(error, requests.Timeout)
                if reads and left and again:
                    self._sleep(_backoff(left))
                    continue
                raise Unreachable(f"no answer to {self._what(method, path)}: {_cause(error, seconds)}") from None
            self._date = response.headers.get("Date", "")
            if response.status_code not in (_BUSY if reads else _NOT_BEGUN) or not left:
                return response
            asked = _retry_after(response)
            self._sleep(jittered(asked) if asked else _backoff(left))
        raise AssertionError("the last try returns or raises")

    def _error(self, method: str, path: str, response: requests.Response) -> ProviderError:
        status = response.status_code
        what = f"{status} from {self._what(method, path)}"
        message = self._redact(_message(response))[:_MESSAGE_LIMIT]
        text = f"{what}: {message}" if message else what
        if status in (401, 403):
            return Denied(f"{text} ({self._who})")
        if status in (409, 412):
            return Conflict(text)
        if status in _BUSY:
            return Overloaded(text)
        if 300 <= status < 400:
            return BadAnswer(f"{what}: a redirect, which is never followed; set the target's url to its final address")
        return Refused(text) if status < 500 else Overloaded(text)

    def _what(self, method: str, path: str) -> str:
        return f"{method} {self.base}{path.partition('?')[0]}"


def _message(response: requests.Response) -> str:
    """What the server says was wrong. Kibana has two shapes, and `message` may be a list (routes/utils.ts);
    Elasticsearch has `error.reason`."""
    try:
        body = response.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    message = body.get("message") or (error.get("reason") if isinstance(error, dict) else "") or ""
    return "; ".join(map(str, message)) if isinstance(message, list) else str(message)


def _is_absence(response: requests.Response) -> bool:
    """Whether a 404 is Kibana's own word for an object that is not there, and not a proxy's or an unknown route's."""
    try:
        body = response.json()
    except ValueError:
        return False
    if not isinstance(body, dict):
        return False
    return 404 in (body.get("status_code"), body.get("statusCode")) and body.get("message") != "Not Found"


def _cause(error: OSError, seconds: float) -> str:
    """A short reason without the request, which could hold more than the reader needs."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        if "WRONG_VERSION_NUMBER" in text:
            return "it does not speak TLS there; is the port right?"
        return "the TLS certificate was not accepted; set the target's ca if it is a private one"
    if isinstance(error, requests.Timeout):
        return f"timed out ({TIMEOUT_SECONDS[0]} s to connect, {seconds:g} s to answer)"
    if isinstance(error, requests.ConnectionError):
        if "NameResolutionError" in text or "Name or service not known" in text:
            return "the host's name is not known; is the url right?"
        return "the connection was refused" if "Connection refused" in text else "the connection failed or was closed"
    return text if not isinstance(error, requests.RequestException) else type(error).__name__


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait, bounded; None for a header that makes no sense."""
    value = response.headers.get("Retry-After", "")
    try:
        seconds = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _backoff(left: int) -> float:
    """Longer with every try, with jitter so that many clients do not come back together."""
    return float(0.5 * 2 ** (TRIES - 1 - left) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
