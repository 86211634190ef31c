"""HTTP to one origin with one credential: bounded retries, no redirects, errors that say who, what and what to do."""

import base64
import json
import random
import time
from collections.abc import Callable
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import encode_multipart_formdata
from urllib3.exceptions import DecodeError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import NameResolutionError
from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import SSLError
from urllib3.exceptions import TimeoutError as Silence
from urllib3.util import make_headers

from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.providers.secrets import Secret
from deployer.providers.traffic import CONNECT_SECONDS
from deployer.providers.traffic import Answer
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
_HEADERS = make_headers(accept_encoding=True, user_agent="deployer")


class HeaderAuth:
    """What stands in `Authorization`: a scheme and the secret.

    A value with a colon, `user:password` or an API key as `id:key`, is encoded as both schemes want it.
    """

    def __init__(self, scheme: str, secret: Secret) -> None:
        self._scheme = scheme
        self._secret = secret

    def value(self) -> str:
        """The whole value of the header."""
        value = self._secret.reveal()
        encoded = base64.b64encode(value.encode()).decode() if ":" in value else value
        return f"{self._scheme} {encoded}"


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
        self._below = urlsplit(self.base).path
        self._auth = auth
        self._who = who
        self._redact = redact
        self._ca = ca or DEFAULT_CA_BUNDLE_PATH
        self._sleep = sleep or self._traffic.pause
        self._date = ""
        self._headers = {**_HEADERS, **headers}

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
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        answer = self._answer(method, path, params, content, "application/json", seconds=seconds)
        if answer.status == 404 and absent and _is_absence(answer):
            return None
        if empty and _is_success(answer) and not answer.content:
            return None
        return self._decoded(method, path, answer)

    def upload(self, path: str, params: Mapping[str, str | int], filename: str, content: bytes) -> Any:
        """The decoded answer to a POST of one text file as a form; a refusal raises its `ProviderError`."""
        form, kind = encode_multipart_formdata({"file": (filename, content, "text/plain")})
        return self._decoded("POST", path, self._answer("POST", path, params, form, kind))

    def exchange(self, method: str, path: str, *, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """An answer as it came, to a request that only reads; a refusal other than 404 raises its `ProviderError`."""
        answer = self._answer(method, path, None, content, None, reads=True, headers=headers)
        if answer.status == 404 or _is_success(answer):
            return answer
        raise self._error(method, path, answer)

    def _decoded(self, method: str, path: str, answer: Answer) -> Any:
        if not _is_success(answer):
            raise self._error(method, path, answer)
        try:
            return json.loads(answer.content)
        except ValueError:
            what = f"{self._what(method, path)} answered {answer.status}"
            raise BadAnswer(f"{what} with something that is not JSON") from None

    def _answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        content: bytes | None,
        kind: str | None,
        *,
        reads: bool | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        seconds: float = TIMEOUT_SECONDS[1],
    ) -> Answer:
        reads = method == "GET" if reads is None else reads
        target = f"{self._below}{path}?{_encoded(tuple(params.items()))}" if params else f"{self._below}{path}"
        sent = {**self._headers, **headers, "Authorization": self._auth.value()}
        if kind and content is not None:
            sent["Content-Type"] = kind
        line = self._traffic.line(self.base)
        for left in range(TRIES - 1, -1, -1):
            try:
                answer = line.ask(method, target, sent, content, self._ca, seconds)
            except (HTTPError, OSError) as error:  # OSError: a CA file that is not there
                if reads and left and _may_pass(error):
                    self._sleep(_backoff(left))
                    continue
                raise Unreachable(f"no answer to {self._what(method, path)}: {_cause(error, seconds)}") from None
            self._date = answer.headers.get("Date", "")
            if answer.status not in (_BUSY if reads else _NOT_BEGUN) or not left:
                return answer
            asked = _retry_after(answer)
            self._sleep(jittered(asked) if asked else _backoff(left))
        raise AssertionError("the last try returns or raises")

    def _error(self, method: str, path: str, answer: Answer) -> ProviderError:
        status = answer.status
        what = f"{status} from {self._what(method, path)}"
        message = self._redact(_message(answer))[:_MESSAGE_LIMIT]
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


@lru_cache(maxsize=1024)
def _encoded(params: tuple[tuple[str, str | int], ...]) -> str:
    """Kept: hundreds of spaces are asked for the same."""
    return urlencode(params)


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _message(answer: Answer) -> str:
    """What the server says was wrong. Kibana has two shapes, and `message` may be a list (routes/utils.ts);
    Elasticsearch has `error.reason`."""
    body = _object(answer)
    error = body.get("error")
    message = body.get("message") or (error.get("reason") if isinstance(error, dict) else "") or ""
    return "; ".join(map(str, message)) if isinstance(message, list) else str(message)


def _is_absence(answer: Answer) -> bool:
    """Whether a 404 is Kibana's own word for an object that is not there, and not a proxy's or an unknown route's."""
    body = _object(answer)
    return 404 in (body.get("status_code"), body.get("statusCode")) and body.get("message") != "Not Found"


def _object(answer: Answer) -> Mapping[str, Any]:
    """What a refusal says, empty where it is no JSON object."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _may_pass(error: HTTPError | OSError) -> bool:
    """Whether asking once more may help. A host that was silent for all that time will be silent the next time, too."""
    return isinstance(error, NewConnectionError) or not isinstance(error, Silence | OSError)


def _cause(error: HTTPError | OSError, seconds: float) -> str:
    """A short reason without the request, which could hold more than the reader needs."""
    if isinstance(error, OSError):
        return str(error)
    if isinstance(error, SSLError):
        if "WRONG_VERSION_NUMBER" in str(error):
            return "it does not speak TLS there; is the port right?"
        return "the TLS certificate was not accepted; set the target's ca if it is a private one"
    if isinstance(error, NameResolutionError):
        return "the host's name is not known; is the url right?"
    if isinstance(error, NewConnectionError):
        return "the connection was refused" if "Connection refused" in str(error) else "the connection failed"
    if isinstance(error, Silence):
        return f"timed out ({TIMEOUT_SECONDS[0]} s to connect, {seconds:g} s to answer)"
    if isinstance(error, DecodeError):
        return "what it sent cannot be decompressed"
    return "the connection failed or was closed"


def _retry_after(answer: Answer) -> float | None:
    """Seconds that the server asks to wait, bounded; None for a header that makes no sense."""
    value = answer.headers.get("Retry-After", "")
    try:
        seconds = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _backoff(left: int) -> float:
    """Longer with every try, with jitter so that many clients do not come back together."""
    return float(0.5 * 2 ** (TRIES - 1 - left) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
