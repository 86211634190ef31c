"""`everything`: all that stands in a target, ours or not, and what cannot be read by name."""

import pytest

from deployer.errors import Denied
from deployer.errors import ProviderError
from deployer.providers import base
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import Unmanaged
from tests import make

UUID = "8A1f0d66-2f2b-4c3e-9d55-0c6a3c1b7e90"
RULE = {
    "name": "By hand", "description": "d", "risk_score": 1, "severity": "low", "type": "query", "query": "a:1",
    "index": ["logs-*"],
}  # fmt: skip
ANALYTICS = {
    "kind": "Scheduled",
    "properties": {
        "displayName": "By hand", "enabled": True, "severity": "Low", "query": "DeviceNetworkEvents",
        "queryFrequency": "PT1H", "queryPeriod": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
        "suppressionEnabled": False, "suppressionDuration": "PT5H",
    },
}  # fmt: skip


def keys(found):
    return {str(one.key) if isinstance(one, Resource) else f"{one.kind}/{one.id}" for one in found}


def test_everything_in_a_space_is_there_ours_or_not(kibana):
    kibana.apply(kibana.assignment(make.rule(), entries=[make.entry()]))
    kibana.kibana("POST", "/api/detection_engine/rules", {**RULE, "rule_id": UUID})
    made = {"name": "l", "description": "d", "type": "detection", "list_id": "by-hand", "namespace_type": "single"}
    kibana.kibana("POST", "/api/exception_lists", made)
    item = {"name": "i", "description": "d", "type": "simple", "list_id": "by-hand", "item_id": "by-hand-1",
            "namespace_type": "single",
            "entries": [{"field": "a", "operator": "included", "type": "match", "value": "1"}]}  # fmt: skip
    kibana.kibana("POST", "/api/exception_lists/items", item)
    wanted = encode(kibana.assignment(make.rule(), entries=[make.entry()]))

    found = kibana.provider.everything(wanted)

    ours = {str(key) for key in wanted.resources if key.kind is not Kind.DATA_VIEW}
    assert keys(found) == ours | {f"rule/{UUID}", "list/by-hand", "item/by-hand-1"}
    [rule] = [one for one in found if isinstance(one, Resource) and one.key.id == "example"]
    assert rule.body == wanted.resources[Key(Kind.RULE, "example")].body


def test_more_lists_than_fit_into_one_address_are_asked_for_in_parts(kibana):
    for number in range(60):
        made = {"name": "l", "description": "d", "type": "detection", "list_id": f"list-{number}"}
        kibana.kibana("POST", "/api/exception_lists", made)
        item = {"name": "i", "description": "d", "type": "simple", "list_id": f"list-{number}",
                "entries": [{"field": "a", "operator": "included", "type": "match", "value": "1"}]}  # fmt: skip
        kibana.kibana("POST", "/api/exception_lists/items", item)
    kibana.emulator.clear_requests()

    found = kibana.provider.everything(encode(kibana.assignment()))

    assert sum(one.key.kind is Kind.ITEM for one in found if isinstance(one, Resource)) == 60
    asked = [one for one in kibana.emulator.requests if one["path"].endswith("/items/_find")]
    assert len(asked) == 2


def test_everything_in_a_workspace_is_there_whatever_its_kind(sentinel):
    sentinel.apply(sentinel.assignment(make.rule()))
    sentinel.arm("PUT", UUID, ANALYTICS)

    found = sentinel.provider.everything(encode(sentinel.assignment(make.rule())))

    assert keys(found) == {"rule/example", f"rule/{UUID}"}


def test_what_cannot_be_read_is_named_with_the_reason():
    strange = Unmanaged(Kind.RULE, "x", "X")

    def decode():
        raise KeyError("name")

    assert base.named(decode, strange) == Unmanaged(Kind.RULE, "x", "X", "it is not as documented: KeyError: 'name'")


def test_what_is_not_whole_is_an_error_and_never_a_part(bench, emulator):
    emulator.fault(path="rules/_find|alertRules", status=403, body={"message": "no", "error": {"message": "no"}})

    with pytest.raises(ProviderError) as error:
        bench.provider.everything(encode(bench.assignment()))

    assert isinstance(error.value, Denied)


def test_a_rule_that_was_there_before_keeps_its_uuid_and_is_found_by_it(sentinel):
    sentinel.arm("PUT", UUID, ANALYTICS)
    adopted = make.rule("by-hand", formerly=(UUID.lower(),), allowlists=())

    [change] = sentinel.plan(sentinel.assignment(adopted), adopt=True).changes
    sentinel.apply(sentinel.assignment(adopted), adopt=True)

    assert (change.action, change.key.id, change.live.name) == ("claim", UUID.lower(), "By hand")
    assert [one["name"].lower() for one in sentinel.arm("GET", "")["value"]] == [UUID.lower()]
    assert sentinel.plan(sentinel.assignment(adopted)).changes == ()


def test_an_analytics_rule_whose_name_is_no_uuid_keeps_it_too(sentinel):
    sentinel.arm("PUT", "DNS-006-amplify", ANALYTICS)
    adopted = make.rule("by-hand", formerly=("arm.dns-006-amplify",), allowlists=())

    applied = sentinel.apply(sentinel.assignment(adopted), adopt=True)

    assert [(change.action, change.key.id) for change in applied.done] == [("claim", "arm.dns-006-amplify")]
    assert [one["name"].lower() for one in sentinel.arm("GET", "")["value"]] == ["dns-006-amplify"]
    assert sentinel.plan(sentinel.assignment(adopted)).changes == ()
