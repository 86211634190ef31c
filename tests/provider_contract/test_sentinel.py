"""What is Sentinel's alone: etags, what analysts put into a rule, rules that the service switched off."""

import uuid
from dataclasses import replace

import pytest
import requests

from deployer.apply import apply
from deployer.errors import Refused
from deployer.outcome import Answer
from deployer.outcome import Place
from deployer.plan import Cause
from deployer.providers.codecs import encode
from deployer.providers.sentinel.codec import rule_uuid
from deployer.verify import verify
from tests import make


def test_the_mark_is_the_first_line_of_the_query_and_says_where_to_edit(sentinel):
    sentinel.apply(sentinel.assignment())

    first, *rest = sentinel.document()["properties"]["query"].split("\n")

    assert first.startswith("// deployer:1:acme-soc:test:rule/example:")
    assert "edit it there" in first
    assert "\n".join(rest) == make.KQL.strip().replace("ServerPorts = dynamic([])", "ServerPorts = dynamic([6667])")


def test_a_correlation_prefix_and_unknown_properties_survive_an_update(sentinel):
    sentinel.apply(sentinel.assignment())
    description = sentinel.document()["properties"]["description"]
    sentinel.edit(description=f"#DONT_CORR#{description}", somethingNew={"a": 1}, severity="Low")

    plan = sentinel.plan(sentinel.assignment())
    applied = sentinel.apply(sentinel.assignment())

    assert [field.path for field in plan.changes[0].fields] == ["severity"]
    assert [names for _, names in plan.carried] == [("correlation", "somethingNew")]
    assert applied.failures == ()
    after = sentinel.document()["properties"]
    assert (after["description"], after["somethingNew"]) == (f"#DONT_CORR#{description}", {"a": 1})


def test_a_stale_etag_is_a_conflict(sentinel):
    sentinel.apply(sentinel.assignment())
    plan = sentinel.plan(sentinel.assignment(make.rule(name="New")))
    (change,) = plan.changes
    stale = replace(change, live=replace(change.live, version='"stale"'))
    sentinel.provider._find = lambda key: stale.live

    applied = apply(Place("acme"), replace(plan, changes=(stale,)), sentinel.provider)

    (failure,) = applied.failures
    assert failure.error.startswith("412: put alert rules")


def test_a_rule_that_sentinel_switched_off_is_named_and_waits_for_consent(sentinel):
    sentinel.apply(sentinel.assignment())
    properties = sentinel.document()["properties"]
    reason = "The alert rule was disabled due to permanent errors: the table was not found."
    sentinel.edit(
        enabled=False,
        displayName=f"AUTO DISABLED {properties['displayName']}",
        description=f"{properties['description']}\n{reason}",
    )
    desired = encode(sentinel.assignment())

    held = sentinel.apply(sentinel.assignment())
    levels = verify(desired, sentinel.provider.read(desired), {})
    agreed = sentinel.apply(sentinel.assignment(), reenable=True)

    assert "--reenable" in held.failures[0].error
    (enabled,) = [level for level in levels if level.level == "enabled"]
    assert (enabled.answer, reason in enabled.reason) == (Answer.FAIL, True)
    assert agreed.failures == ()
    assert sentinel.document()["properties"]["enabled"] is True


def test_an_id_that_was_deleted_a_moment_ago_is_refused_with_what_to_do(sentinel):
    sentinel.apply(sentinel.assignment())
    sentinel.arm("DELETE", rule_uuid("example"))

    applied = sentinel.apply(sentinel.assignment())

    (failure,) = applied.failures
    assert "recently deleted" in failure.error
    assert "apply again" in failure.error


def test_a_copy_of_our_rule_is_nobody_elses_business(sentinel):
    sentinel.apply(sentinel.assignment())
    document = sentinel.document()
    name = str(uuid.uuid4())
    sentinel.arm("PUT", name, {"kind": document["kind"], "properties": document["properties"]})

    plan = sentinel.plan(sentinel.assignment())
    sentinel.apply(sentinel.assignment(make.rule("other")))

    assert plan.changes == ()
    assert [one.id for one in plan.unmanaged] == [name]
    assert sentinel.arm("GET", name)


def test_a_mark_that_somebody_removed_makes_the_rule_unclaimed(sentinel):
    sentinel.apply(sentinel.assignment())
    query = sentinel.document()["properties"]["query"]
    sentinel.edit(query=query.split("\n", 1)[1])

    (change,) = sentinel.plan(sentinel.assignment()).changes
    adopted = sentinel.apply(sentinel.assignment(), adopt=True)

    assert change.cause is Cause.UNCLAIMED
    assert adopted.failures == ()
    assert sentinel.plan(sentinel.assignment()).changes == ()


def test_a_rule_of_another_kind_on_our_id_is_not_replaced(sentinel):
    properties = {"displayName": "x", "enabled": True, "productFilter": "Microsoft Defender for Cloud"}
    body = {"kind": "MicrosoftSecurityIncidentCreation", "properties": properties}
    sentinel.arm("PUT", rule_uuid("example"), body)

    applied = sentinel.apply(sentinel.assignment(), adopt=True)

    assert "kind cannot be changed in place" in applied.failures[0].error


def test_a_workspace_of_several_pages_is_read_whole(sentinel):
    requests.post(f"{sentinel.emulator.url}/_emulator/settings", json={"page_size": 2}, timeout=10).raise_for_status()
    rules = [make.rule(f"r{index}") for index in range(5)]
    sentinel.apply(sentinel.assignment(*rules))
    sentinel.emulator.clear_requests()

    assert sentinel.plan(sentinel.assignment(*rules)).changes == ()
    assert len(sentinel.emulator.requests) == 3


def test_reads_that_lag_behind_a_write_are_waited_for(sentinel):
    sentinel.apply(sentinel.assignment())
    sentinel.emulator.fault(path="alertRules/", kind="stale", times=2)

    applied = sentinel.apply(sentinel.assignment(make.rule(name="New")))

    assert applied.failures == ()


def test_a_missing_table_is_said_with_the_services_own_words(sentinel):
    workspace = {"subscription": sentinel.target.subscription_id, "group": "soc", "workspace": "acme", "tables": []}
    url = f"{sentinel.emulator.url}/_emulator/arm/workspace"
    requests.post(url, json=workspace, timeout=10).raise_for_status()

    applied = sentinel.apply(sentinel.assignment())

    assert "One of the tables does not exist" in applied.failures[0].error


def test_a_missing_workspace_is_unreadable_and_not_empty(sentinel):
    sentinel.emulator.fault(
        path="alertRules$", status=404, body={"error": {"code": "ResourceNotFound", "message": "x"}}
    )

    with pytest.raises(Refused, match="404: list alert rules"):
        sentinel.plan(sentinel.assignment())
