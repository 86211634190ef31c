"""Workload identity of a GitHub job: what Entra takes in place of a secret.

azure-identity has no credential for it (1.27), and the file that its workload identity reads would be of no use: a
token of GitHub lives for minutes, a run over many customers longer. So a new one is asked for at every exchange.
(docs.github.com, OpenID Connect reference: the two variables are there in jobs with `id-token: write`.)
"""

import os
from collections.abc import Callable
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import ClientAuthenticationError

from deployer.hosts import loopback

URL, TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_AUDIENCES = {
    "public": "api://AzureADTokenExchange",
    "usgov": "api://AzureADTokenExchangeUSGov",
    "china": "api://AzureADTokenExchangeChina",
}
_SECONDS = 30


def offers_tokens() -> bool:
    """Whether this is a GitHub job that may have tokens."""
    return bool(os.environ.get(URL) and os.environ.get(TOKEN))


def assertion(cloud: str) -> str:
    """A fresh token that says to Entra which repository and which GitHub environment this job belongs to."""
    url = os.environ[URL]
    parts = urlsplit(url)
    if parts.scheme != "https" and not loopback(parts.hostname or ""):
        raise ClientAuthenticationError(f"{URL} is no https address; nothing was sent")
    try:
        answer = requests.get(
            url,
            params={"audience": _AUDIENCES[cloud]},
            auth=_bearer(os.environ[TOKEN]),
            timeout=_SECONDS,
            allow_redirects=False,
        )
        token = answer.json()["value"] if answer.status_code == 200 else None
    except (requests.RequestException, ValueError, LookupError, TypeError) as error:
        raise ClientAuthenticationError(f"GitHub gave no token ({type(error).__name__})") from None
    if not token:
        raise ClientAuthenticationError(f"GitHub gave no token (status {answer.status_code})")
    return str(token)


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """As `auth`, so that no netrc entry replaces it."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"bearer {token}"
        return request

    return sign
