"""From a target to its provider: the credential is checked against the host here, before anything is sent."""

import threading
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Generic
from typing import TypeVar
from urllib.parse import urlsplit

from deployer.errors import ProviderError
from deployer.errors import Untrusted
from deployer.hosts import CLOUDS
from deployer.hosts import LOGS
from deployer.hosts import covers
from deployer.model import Credential
from deployer.model import KibanaTarget
from deployer.model import SentinelTarget
from deployer.model import Target
from deployer.providers.base import Provider
from deployer.providers.pacing import Slots
from deployer.providers.secrets import Secret
from deployer.providers.secrets import require_bound
from deployer.providers.secrets import resolve

if TYPE_CHECKING:
    from deployer.providers.kibana.elastic import Elastic
    from deployer.providers.sentinel.api import Client
    from deployer.providers.sentinel.credentials import SharedToken
    from deployer.providers.sentinel.logs import WorkspaceLogs
    from deployer.providers.traffic import Traffic

LOG_QUERIES = 4
"""Log queries at a time over a whole run: Azure lets one user run five, and somebody may be at the portal."""
LOG_QUERIES_IN_A_WHILE = (180, 30.0)
"""Log queries within so many seconds: Azure lets one user send 200 in 30 seconds (azure-monitor/service-limits)."""
RULE_PREVIEWS = 4
"""Rule previews at a time in one Kibana over a whole run: a node runs ten (limited_concurrency.ts), and analysts run
them, too."""
_EMULATOR = Secret("emulator", "ZGVwbG95ZXI6ZW11bGF0b3I=")
"""What the embedded emulator is given; it is no secret."""


Value = TypeVar("Value")


class Once(Generic[Value]):
    """Values by key, each made once whoever asks first; a slow one holds up only those who wait for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._values: dict[str, Value] = {}

    def get(self, key: str, make: Callable[[], Value]) -> Value:
        """The value of `key`; if making it fails, the next one to ask tries again."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
            return self._values[key]

    def made(self) -> list[Value]:
        """Every value that there is by now."""
        return list(self._values.values())


class Connections:
    """Makes the providers of one run; secrets are read once per credential, tokens asked for once."""

    def __init__(
        self,
        credentials: Mapping[str, Credential],
        trusted_hosts: Sequence[str],
        root: Path,
        emulator: str | ProviderError | None = None,
        traffic: "Traffic | None" = None,
        share: float = 1.0,
    ) -> None:
        """`emulator` is the URL of the embedded one, or why it cannot be had, and may be set later; `traffic` is that
        of the run. `share` is the part of what services take that is this process's."""
        from deployer.providers.traffic import Traffic

        self._credentials = credentials
        self._trusted = trusted_hosts
        self._root = root
        self.emulator = emulator
        self.traffic = traffic or Traffic()
        self._secrets: Once[Secret] = Once()
        self._learned: list[Secret] = []
        self._tokens: Once[SharedToken] = Once()
        self._statuses: Once[dict[str, Any]] = Once()
        self._clients: Once[Client] = Once()
        at_once, (most, seconds) = max(1, int(LOG_QUERIES * share)), LOG_QUERIES_IN_A_WHILE
        self._log_slots = Slots(at_once, max(1, int(most * share)), seconds, sleep=self.traffic.pause)
        # The emulator counts nobody's queries.
        self._emulator_slots = threading.BoundedSemaphore(LOG_QUERIES)
        self._preview_slots: Once[threading.BoundedSemaphore] = Once()

    def prepare(self, targets: Sequence[Target]) -> None:
        """Ask for the tokens and the secrets that several of these targets need. What fails is said by each of them."""
        users = Counter(target.credential or "" for target in targets if not target.emulator)
        shared = {target.credential: target for target in targets if users[target.credential or ""] > 1}
        for target in shared.values():
            with suppress(Exception):  # by each target, with its name
                self.provider(target).close()
                if isinstance(target, SentinelTarget):
                    self._warm(target)

    def _warm(self, target: SentinelTarget) -> None:
        from deployer.providers.sentinel.credentials import scope

        credential = self._credential(target) if target.credential else None
        if credential is None or credential.type != "bearer":
            secret = self._secret(credential) if credential and credential.source else None
            self._token(credential, secret).get_token(scope(credential.cloud if credential else "public"))

    def provider(self, target: Target) -> Provider:
        """The provider of a target. Raises `Untrusted` when its credential may not go to its host."""
        return self._kibana(target) if isinstance(target, KibanaTarget) else self._sentinel(target)

    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that were read until now."""
        return tuple(self._secrets.made())

    def learn(self, secrets: Sequence[Secret]) -> None:
        """Secrets that a copy of this process has read: they are the run's, too."""
        self._learned += secrets

    def redact(self, text: str) -> str:
        """`text` without any secret of this run, whoever said it."""
        for secret in (*self._secrets.made(), *self._learned):
            text = secret.redact(text)
        for tokens in self._tokens.made():
            text = tokens.redact(text)
        return text

    def close(self) -> None:
        """Let go of every connection of the run."""
        self.traffic.close()

    def _kibana(self, target: KibanaTarget) -> Provider:
        from deployer.providers.http import HeaderAuth
        from deployer.providers.http import Http
        from deployer.providers.kibana.api import HEADERS
        from deployer.providers.kibana.api import KibanaApi
        from deployer.providers.kibana.previewing import PreviewSettings
        from deployer.providers.kibana.provider import KibanaProvider

        if target.emulator:
            url, secret, scheme = f"{self._emulator_url()}/kibana", _EMULATOR, "ApiKey"
        else:
            url = str(target.url)
            credential = self._credential(target)
            require_bound(credential, url, self._trusted)
            secret = self._secret(credential)
            scheme = "Basic" if credential.type == "basic" else "ApiKey"
        ca = str(self._root / target.ca) if target.ca else None
        auth = HeaderAuth(scheme, secret)
        http = Http(
            url, auth, f"credential {secret.name}", headers=HEADERS, redact=self.redact, ca=ca, traffic=self.traffic
        )
        api = KibanaApi(http, target.space)
        status = lambda: self._statuses.get(url, api.status)  # noqa: E731 - one line, used once
        # The emulator's alerts can be searched at once; its address is that of all of its spaces.
        settings = PreviewSettings(self._preview_slots.get(url, _preview_slots), 0.0 if target.emulator else None)
        return KibanaProvider(api, status=status, elastic=self._elastic(target), previews=settings)

    def _elastic(self, target: KibanaTarget) -> "Callable[[], Elastic] | None":
        """How to reach the target's Elasticsearch; nothing is looked up, checked or sent before it is called."""
        address = target.elasticsearch

        def connect() -> "Elastic":
            from deployer.providers.http import HeaderAuth
            from deployer.providers.http import Http
            from deployer.providers.kibana.elastic import Elastic

            scheme, ca = "ApiKey", None
            if address is None:
                url, secret = f"{self._emulator_url()}/elasticsearch/s/{target.space}", _EMULATOR
            else:
                url = address.url
                credential = self._named(target, address.credential)
                require_bound(credential, url, self._trusted)
                secret = self._secret(credential)
                scheme = "Basic" if credential.type == "basic" else "ApiKey"
                ca = str(self._root / address.ca) if address.ca else None
            auth = HeaderAuth(scheme, secret)
            who = f"credential {secret.name}"
            return Elastic(Http(url, auth, who, headers={}, redact=self.redact, ca=ca, traffic=self.traffic))

        return connect if address or target.emulator else None

    def _sentinel(self, target: SentinelTarget) -> Provider:
        from deployer.providers.sentinel import credentials
        from deployer.providers.sentinel.api import SentinelApi
        from deployer.providers.sentinel.api import client
        from deployer.providers.sentinel.provider import SentinelProvider

        credential = None if target.emulator or target.credential is None else self._credential(target)
        cloud = credential.cloud if credential else "public"
        endpoint = f"{self._emulator_url()}/arm" if target.emulator else target.endpoint or CLOUDS[cloud]
        who, policy = self._azure(target, credential, endpoint, CLOUDS, credentials.authentication)
        api = SentinelApi(
            self._clients.get(f"{who} {endpoint}", lambda: client(endpoint, policy, self.traffic)),
            endpoint,
            target.subscription_id,
            target.resource_group,
            target.workspace,
            redact=self.redact,
            who=who,
            api_version=target.api_version,
        )
        return SentinelProvider(api, lambda: self._workspace_logs(target, credential, cloud), self.traffic.pause)

    def _workspace_logs(self, target: SentinelTarget, credential: Credential | None, cloud: str) -> "WorkspaceLogs":
        """What asks the workspace's logs. Their host is not ARM's: the credential must be bound to it, too."""
        from deployer.providers.sentinel import credentials
        from deployer.providers.sentinel.logs import WorkspaceLogs

        endpoint = target.logs_endpoint or LOGS[cloud]
        if target.emulator:
            endpoint = f"{self._emulator_url()}/loganalytics"
        who, policy = self._azure(target, credential, endpoint, LOGS, credentials.logs_authentication)
        return WorkspaceLogs(
            endpoint,
            target.subscription_id,
            target.resource_group,
            target.workspace,
            authentication=policy,
            redact=self.redact,
            who=who,
            slots=self._emulator_slots if target.emulator else self._log_slots,
            traffic=self.traffic,
        )

    def _azure(
        self,
        target: SentinelTarget,
        credential: Credential | None,
        endpoint: str,
        known: Mapping[str, str],
        authenticate: Callable[["SharedToken", str, str], Any],
    ) -> tuple[str, Any]:
        """Who asks an endpoint, and the policy that shows it; `known` are Azure's own endpoints of its kind."""
        from deployer.providers.sentinel.credentials import StaticBearer

        if target.emulator:
            return "emulator", StaticBearer(_EMULATOR)
        if credential is None:
            _require_azure(endpoint, known, self._trusted)
            return "azure-identity's chain", authenticate(self._token(None, None), "public", endpoint)
        require_bound(credential, endpoint, self._trusted)
        secret = self._secret(credential) if credential.source else None
        who = f"credential {credential.name}"
        if secret and credential.type == "bearer":
            return who, StaticBearer(secret)
        return who, authenticate(self._token(credential, secret), credential.cloud, endpoint)

    def _emulator_url(self) -> str:
        if isinstance(self.emulator, ProviderError):
            raise self.emulator
        return str(self.emulator)

    def _credential(self, target: Target) -> Credential:
        return self._named(target, target.credential)

    def _named(self, target: Target, name: str | None) -> Credential:
        credential = self._credentials.get(name or "")
        if credential is None:
            raise Untrusted(f"{target.tenant}/{target.name} names no credential that environment.yaml declares")
        if not any(fnmatchcase(target.tenant, glob) for glob in credential.tenants):
            raise Untrusted(f"credential {credential.name} is not for tenant {target.tenant}; nothing was sent")
        return credential

    def _secret(self, credential: Credential) -> Secret:
        return self._secrets.get(credential.name, lambda: resolve(credential, self._root))

    def _token(self, credential: Credential | None, secret: Secret | None) -> "SharedToken":
        from deployer.providers.sentinel.credentials import token_source

        name = credential.name if credential else ""
        return self._tokens.get(name, lambda: token_source(credential, secret, self.traffic.token))


def _preview_slots() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(RULE_PREVIEWS)


def _require_azure(endpoint: str, known: Mapping[str, str], trusted_hosts: Sequence[str]) -> None:
    """The chain's tokens are bound to no host by name: they go to Azure's endpoints or trusted hosts only."""
    host = urlsplit(endpoint).hostname or ""
    if host not in {urlsplit(url).hostname for url in known.values()} and not covers(trusted_hosts, host):
        raise Untrusted(f"{host} is neither Azure's endpoint nor a trusted host; nothing was sent")
