"""The token for log queries: for their own audience, over TLS, and only to hosts that it may go to."""

from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineContext
from azure.core.pipeline import PipelineRequest
from azure.core.rest import HttpRequest

from deployer.errors import Untrusted
from deployer.hosts import LOGS
from deployer.model import Credential
from deployer.outcome import Answer
from deployer.providers.base import Asked
from deployer.providers.connect import Connections
from deployer.providers.sentinel.credentials import SharedToken
from deployer.providers.sentinel.credentials import logs_authentication
from tests import make

RULE = make.resource(body={"kind": "Scheduled", "enabled": True, "query": "T"})


class Source:
    """An identity that remembers for whom it was asked."""

    def __init__(self):
        self.asked = []

    def get_token(self, *scopes, **_):
        self.asked.append(scopes)
        return AccessToken("a-token", 4_102_444_800)


@pytest.mark.parametrize(("cloud", "endpoint"), list(LOGS.items()))
def test_the_token_is_for_the_clouds_own_query_api(cloud, endpoint):
    source = Source()
    policy = logs_authentication(SharedToken(source), cloud, "https://logs.acme.example")
    request = HttpRequest("POST", f"{endpoint}/v1/query")

    policy.on_request(PipelineRequest(request, PipelineContext(None)))

    assert source.asked == [(f"{endpoint}/.default",)]
    assert request.headers["Authorization"] == "Bearer a-token"


def test_a_token_is_not_sent_without_tls():
    with pytest.raises(Untrusted, match="is not https"):
        logs_authentication(SharedToken(Source()), "public", "http://127.0.0.1:9")


def health(target, credentials=None, trusted=()):
    provider = Connections(credentials or {}, trusted, Path()).provider(target)
    try:
        return provider.health([Asked(RULE, RULE)])[RULE.key].levels
    finally:
        provider.close()


def test_azures_own_chain_goes_to_azures_query_api_only():
    levels = health(make.sentinel_target(emulator=False, logs_endpoint="https://logs.evil.example"))

    assert {level.answer for level in levels} == {Answer.UNKNOWN}
    said = "logs.evil.example is neither Azure's endpoint nor a trusted host; nothing was sent"
    assert [level.reason for level in levels if level.level != "data"] == [said, said]


def test_arms_own_host_is_no_query_api():
    levels = health(make.sentinel_target(emulator=False, logs_endpoint="https://management.azure.com"))

    assert levels[0].reason.startswith("management.azure.com is neither Azure's endpoint nor a trusted host")


@pytest.mark.parametrize(
    ("hosts", "trusted", "said"),
    [
        (
            ("management.azure.com",),
            ("*.azure.com", "api.loganalytics.io"),
            "not to api.loganalytics.io; nothing",
        ),
        (
            ("*.azure.com", "api.loganalytics.io"),
            ("*.azure.com",),
            "api.loganalytics.io is not among the trusted",
        ),
    ],
)
def test_a_credential_goes_to_the_query_api_only_if_it_is_bound_there_and_the_host_is_trusted(hosts, trusted, said):
    credential = Credential("arm", "chain", "", "", hosts, make.HERE)
    trusted = (*trusted, "management.azure.com")

    levels = health(make.sentinel_target(emulator=False, credential="arm"), {"arm": credential}, trusted)

    assert said in levels[0].reason
    assert levels[0].setting.startswith("name the host of the log queries")
