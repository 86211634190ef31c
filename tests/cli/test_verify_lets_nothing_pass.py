"""`verify` says pass only of what was looked at: what is missing, stale or half answered is never taken for good."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
import requests

from tests.cli.test_verify_levels import INDEX
from tests.cli.test_verify_levels import RULE
from tests.cli.test_verify_levels import RULES
from tests.cli.test_verify_levels import acme  # noqa: F401 - a fixture
from tests.cli.test_verify_levels import events
from tests.cli.test_verify_levels import require
from tests.cli.test_verify_levels import run_rule
from tests.cli.test_verify_levels import verified


@pytest.mark.parametrize("level", ["equal", "enabled", "ran", "healthy", "data"])
def test_a_rule_that_is_not_there_fails_whatever_level_is_required(deployer, acme, level):  # noqa: F811
    deployer("apply", "site")
    require(acme, level)
    url = f"{acme.emulator.url}/kibana/s/acme{RULES}"
    requests.delete(
        url, params={"rule_id": RULE}, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10
    ).raise_for_status()

    assert deployer("verify", "site").code == 1


def test_clusters_that_were_skipped_leave_data_unknown(deployer, acme):  # noqa: F811
    require(acme, "data")
    deployer("apply", "site")
    acme.emulator.load(kibana={"acme": {INDEX: events(1)}})
    answer = {
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "_clusters": {"total": 2, "successful": 1, "skipped": 1, "running": 0, "partial": 0, "failed": 0},
        "hits": {"total": {"value": 0, "relation": "eq"}, "hits": []},
        "aggregations": {"counts": {"buckets": {}}},
    }
    acme.emulator.fault(path="_search", status=200, body=answer, headers={"X-Elastic-Product": "Elasticsearch"})

    code, levels, _ = verified(deployer)

    assert (code, levels["data"]["answer"]) == (3, "unknown")
    assert "1 of 2 clusters" in levels["data"]["reason"]


def test_a_credential_that_sees_only_some_indices_cannot_say_that_no_data_arrives(deployer, acme):  # noqa: F811
    require(acme, "data")
    deployer("apply", "site")
    old = [{**one, "@timestamp": "2026-01-01T00:00:00Z"} for one in events(1)]
    acme.emulator.load(kibana={"acme": {INDEX: old}})
    refused = {"username": "reader", "has_all_requested": False, "cluster": {}, "index": {}, "application": {}}
    acme.emulator.fault(
        path="_has_privileges", status=200, body=refused, headers={"X-Elastic-Product": "Elasticsearch"}
    )

    code, levels, _ = verified(deployer)

    assert (code, levels["data"]["answer"]) == (3, "unknown")
    assert levels["data"]["setting"].startswith("give the credential `read`")


def test_a_run_of_long_ago_is_no_proof_of_health(deployer, acme):  # noqa: F811
    require(acme, "healthy")
    acme.emulator.set_clock(datetime.now(UTC) - timedelta(days=9))
    deployer("apply", "site")
    acme.emulator.set_clock(datetime.now(UTC) - timedelta(days=8))
    run_rule(acme)

    code, levels, _ = verified(deployer)

    assert (levels["ran"]["answer"], levels["healthy"]["answer"]) == ("pass", "unknown")
    assert code == 3


def test_documents_without_the_rules_own_clock_are_read_by_their_timestamp(deployer, acme):  # noqa: F811
    require(acme, "data")
    acme.edit(
        acme.tenant("acme"),
        lambda one: one.update(overlay={RULE: {"kibana": {"timestamp_override": "event.ingested"}}}),
    )
    assert deployer("apply", "site").code == 0
    acme.emulator.load(kibana={"acme": {INDEX: events(3, **{"source.bytes": 90})}})

    code, levels, _ = verified(deployer)

    assert (code, levels["data"]["answer"]) == (0, "pass")
