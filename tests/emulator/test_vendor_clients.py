"""The vendors' own client libraries take the emulator for the real thing."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.securityinsight import SecurityInsightsMgmtClient
from elasticsearch import Elasticsearch

from deployer.emulator import Emulator
from tests.emulator.make import Client
from tests.emulator.make import scheduled_rule

WORKSPACE = ("group", "acme")


class Token(SansIOHTTPPolicy[Any, Any]):
    """A made-up token; the library's own policy sends none over http."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.http_request.headers["Authorization"] = "Bearer made-up"


class NoCredential:
    """Never asked: the policy above stands in its place."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise AssertionError(scopes)


@pytest.fixture
def insights(emulator: Emulator) -> Iterator[SecurityInsightsMgmtClient]:
    client = SecurityInsightsMgmtClient(
        NoCredential(),
        "sub",
        base_url=f"{emulator.url}/arm",
        authentication_policy=Token(),
        retry_total=0,
    )
    with client:
        yield client


def test_the_azure_library_follows_pages(insights: Any, control: Client) -> None:
    control("POST", "/settings", {"page_size": 2})
    body = scheduled_rule()
    for number in range(5):
        insights.alert_rules.create_or_update(*WORKSPACE, f"r{number}", body)

    assert [rule.name for rule in insights.alert_rules.list(*WORKSPACE)] == [f"r{number}" for number in range(5)]


def test_the_azure_library_reads_rules_and_errors(insights: Any) -> None:
    body = scheduled_rule(techniques=["T1584"], subTechniques=["T1584.005"])
    rule = insights.alert_rules.create_or_update(*WORKSPACE, "r", body)
    assert (rule.kind, rule.properties.sub_techniques) == ("Scheduled", ["T1584.005"])
    assert insights.alert_rules.get(*WORKSPACE, "r").etag == rule.etag
    with pytest.raises(HttpResponseError) as refused:
        insights.alert_rules.create_or_update(*WORKSPACE, "r", {**body, "etag": '"stale"'})
    assert (refused.value.status_code, refused.value.error.code if refused.value.error else "") == (
        412,
        "PreconditionFailed",
    )
    insights.alert_rules.delete(*WORKSPACE, "r")
    insights.alert_rules.delete(*WORKSPACE, "r")
    with pytest.raises(ResourceNotFoundError):
        insights.alert_rules.get(*WORKSPACE, "r")


def test_the_elasticsearch_library_knows_its_server(emulator: Emulator) -> None:
    with Elasticsearch(f"{emulator.url}/elasticsearch", api_key=("id", "made-up")) as client:
        assert client.info()["version"]["number"] == "9.3.0"
