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
    acme.emulator.set_clock(datetime.now(UTC))

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


INDICATORS = {
    "type": "threat_match",
    "threat_index": ["logs-network.dns-*"],
    "threat_query": "*:*",
    "threat_mapping": [{"entries": [{"field": "destination.ip", "type": "mapping", "value": "threat.indicator.ip"}]}],
}


def rewritten(site, **kibana):
    """The rule with another `kibana:` block, for Kibana alone."""
    path = site.root / f"rules/{RULE}/rule.yaml"

    def change(rule):
        kept = {name: rule["kibana"][name] for name in ("index", "from", "interval", "data") if name in rule["kibana"]}
        rule["kibana"] = {**kept, **kibana}
        rule.pop("sentinel", None)

    site.edit(path, change)
    for name in ("sentinel.kql", "tests.yaml"):
        (path.parent / name).unlink(missing_ok=True)
    query = path.parent / "kibana.kuery"
    if kibana["type"] == "saved_query":
        query.unlink()
    elif "language" in kibana:
        query.rename(query.with_suffix(f".{kibana['language']}"))


def test_a_rule_that_compares_with_indicators_needs_some(deployer, acme):  # noqa: F811
    require(acme, "data")
    rewritten(acme, **INDICATORS)
    applied = deployer("apply", "site")
    assert applied.code == 0, applied.out + applied.err
    acme.emulator.load(kibana={"acme": {INDEX: events(3, **{"source.bytes": 90})}})
    none = verified(deployer)
    acme.emulator.load(kibana={"acme": {"logs-network.dns-default": [{"@timestamp": "2026-01-01T00:00:00Z"}]}})
    some = verified(deployer)

    assert (none[0], none[1]["data"]["reason"]) == (1, "no indicator in logs-network.dns-*")
    assert (some[0], some[1]["data"]["answer"]) == (0, "pass")


@pytest.mark.parametrize("kibana", [{"type": "query", "language": "lucene"}, {"type": "saved_query", "saved_id": "x"}])
def test_documents_alone_do_not_tell_that_a_query_which_is_not_read_here_sees_any(deployer, acme, kibana):  # noqa: F811
    require(acme, "data")
    rewritten(acme, **kibana)
    applied = deployer("apply", "site")
    assert applied.code == 0, applied.out + applied.err
    acme.emulator.load(kibana={"acme": {INDEX: events(3)}})

    code, levels, _ = verified(deployer)

    assert (code, levels["data"]["answer"]) == (3, "unknown")
    assert "required_fields" in levels["data"]["setting"]
