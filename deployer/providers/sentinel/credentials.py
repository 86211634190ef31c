"""Tokens for ARM and for log queries: one per credential and audience for a whole run, kept in memory only."""

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline import policies

from deployer.errors import Untrusted
from deployer.hosts import LOGS
from deployer.model import Credential
from deployer.providers.secrets import MASK
from deployer.providers.secrets import Secret
from deployer.providers.sentinel import github

_SCOPES = {
    "public": "https://management.azure.com/.default",
    "usgov": "https://management.core.usgovcloudapi.net/.default",
    "china": "https://management.chinacloudapi.cn/.default",
}
_AUTHORITIES = {
    "public": "login.microsoftonline.com",
    "usgov": "login.microsoftonline.us",
    "china": "login.chinacloudapi.cn",
}
_RENEW_SECONDS = 300


class SharedToken:
    """A credential that asks its source once per audience, whoever uses it and from whatever thread."""

    def __init__(
        self, source: TokenCredential, clock: Callable[[], float] = time.time, asked: Callable[[], None] = lambda: None
    ) -> None:
        """`asked` is told of each time that the source is asked."""
        self._source = source
        self._clock = clock
        self._asked = asked
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], AccessToken] = {}
        self._given: set[str] = set()

    def redact(self, text: str) -> str:
        """`text` without any token that was given out."""
        for token in list(self._given):
            text = text.replace(token, MASK)
        return text

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token that still holds for some minutes. A claims challenge asks anew."""
        with self._lock:
            token = self._tokens.get(scopes)
            if token is None or options.get("claims") or token.expires_on - self._clock() < _RENEW_SECONDS:
                self._asked()
                token = self._source.get_token(*scopes, **options)
                self._tokens[scopes] = token
                self._given.add(token.token)
            return token


class StaticBearer(policies.SansIOHTTPPolicy[Any, Any]):
    """A bearer token given as it is; also the way to talk to a loopback endpoint without TLS."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"


def token_source(credential: Credential | None, secret: Secret | None, asked: Callable[[], None]) -> SharedToken:
    """What gives tokens for a named credential; without one, azure-identity's chain, workload identity first."""
    return SharedToken(_source(credential, secret), asked=asked)


def _source(credential: Credential | None, secret: Secret | None) -> TokenCredential:
    from azure import identity

    cloud = credential.cloud if credential else "public"
    authority = _AUTHORITIES[cloud]
    if credential and secret and credential.type == "client_secret":
        return identity.ClientSecretCredential(
            str(credential.tenant_id), str(credential.client_id), secret.reveal(), authority=authority
        )
    client_id = (credential and credential.client_id) or os.environ.get("AZURE_CLIENT_ID")
    tenant_id = (credential and credential.tenant_id) or os.environ.get("AZURE_TENANT_ID")
    if client_id and tenant_id and github.offers_tokens() and not os.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        ask = partial(github.assertion, cloud)
        return identity.ClientAssertionCredential(tenant_id, client_id, ask, authority=authority)
    options: dict[str, Any] = {"authority": authority}
    if credential and credential.client_id:
        options["workload_identity_client_id"] = credential.client_id
        options["managed_identity_client_id"] = credential.client_id
    if credential and credential.tenant_id:
        options["workload_identity_tenant_id"] = credential.tenant_id
        options["additionally_allowed_tenants"] = [credential.tenant_id]
    return identity.DefaultAzureCredential(exclude_interactive_browser_credential=True, **options)


def scope(cloud: str) -> str:
    """What a token for ARM is asked for."""
    return _SCOPES[cloud]


def authentication(shared: SharedToken, cloud: str, endpoint: str) -> Any:
    """The pipeline policy that puts ARM's token in; TLS only."""
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    _require_tls(endpoint)
    return ARMChallengeAuthenticationPolicy(shared, scope(cloud))


def logs_authentication(shared: SharedToken, cloud: str, endpoint: str) -> Any:
    """The pipeline policy that puts the token for log queries in; TLS only.

    It is for the cloud's own query API, also where the endpoint is another address of it.
    """
    _require_tls(endpoint)
    return policies.BearerTokenCredentialPolicy(shared, f"{LOGS[cloud]}/.default")


def _require_tls(endpoint: str) -> None:
    if urlsplit(endpoint).scheme != "https":
        raise Untrusted(f"{endpoint} is not https: an Azure token is not sent there; use a credential of type bearer")
