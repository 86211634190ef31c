"""A report says what happened, to whoever asked, in the form that was asked for."""

import pytest

from deployer.concealing import conceal
from deployer.outcome import Place
from deployer.outcome import Unreadable
from tests import make


def test_a_report_that_cannot_be_written_stops_the_run_before_any_request(deployer, site):
    applied = deployer("apply", "site", "--out", str(site.root / "missing" / "report.txt"))

    assert applied.code == 64
    assert site.emulator.requests == []


def test_a_report_goes_to_the_file_that_was_asked_for(deployer, site):
    planned = deployer("plan", "site", "--format", "json", "--out", str(site.root / "report.json"))

    assert (planned.code, planned.out) == (2, "")
    assert (site.root / "report.json").read_text().startswith('{\n  "schema": "deployer/1"')


@pytest.mark.parametrize("environment", ["nosuch", "site"])
def test_json_is_one_document_even_when_nothing_could_begin(deployer, site, environment):
    (site.root / "environments/site/environment.yaml").write_text("owner: x\nlimitz: {}\n")

    planned = deployer("plan", environment, "--format", "json")

    assert planned.code == planned.json["exit_code"] == 1
    assert planned.json["targets"] == []
    assert planned.json["error"]


def test_show_of_a_tenant_whose_file_is_broken_is_an_error(deployer, site):
    site.tenant("acme").write_text("targets: 3\n")

    shown = deployer("show", "site", "--tenant", "acme")

    assert (shown.code, shown.out) == (1, "")
    assert "environments/site/tenants/acme.yaml:1:" in shown.err


def test_verify_says_what_is_not_applicable_and_that_there_was_nothing_to_verify(deployer):
    verified = deployer("verify", "demo", "--tenant", "globex", "--rule", "t1583.005-inbound-volumetric")

    assert "nothing to verify" in verified.out
    assert "not applicable: t1583.005-inbound-volumetric" in verified.out


def test_a_rule_that_the_environment_does_not_deploy_cannot_be_selected(deployer, site):
    site.edit(site.root / "environments/site/environment.yaml", lambda document: document.update(rules=["t1584*"]))

    assert deployer("verify", "site", "--rule", "t1583.005-orb-relay").code == 64


def test_an_emulator_that_cannot_be_had_stops_its_own_targets_only(deployer, root):
    (root / ".deployer").mkdir()
    (root / ".deployer/emulator").write_text("not a folder")

    planned = deployer("plan", "demo")

    assert planned.code == 1
    assert "the emulator cannot be had" in planned.out


def test_an_exception_added_by_hand_is_named_with_its_author(deployer, site):
    import requests

    deployer("apply", "site")
    entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": "8.8.8.8"}
    item = {"list_id": "deployer-proxies", "item_id": "mine", "type": "simple", "name": "Resolver", "description": "x",
            "entries": [entry]}  # fmt: skip
    url = f"{site.emulator.url}/kibana/s/acme/api/exception_lists/items"
    requests.post(url, json=item, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10).raise_for_status()

    planned = deployer("plan", "site", "--tenant", "acme")
    document = deployer("plan", "site", "--tenant", "acme", "--format", "json").json

    assert planned.code == 0
    assert "item/mine (Resolver): added by hand to list/deployer-proxies, last edited by jo at " in planned.out
    named = [one for target in document["targets"] for one in target.get("unmanaged_objects", [])]
    assert [one["id"] for one in named] == ["mine"]


def test_somebody_elses_mark_on_an_equal_object_is_said(deployer, site):
    deployer("apply", "site")
    environment = site.root / "environments/site/environment.yaml"
    site.edit(environment, lambda document: document.update(owner="other-soc"))

    planned = deployer("plan", "site")

    verified = deployer("verify", "site")

    assert "equal pass (not required)" not in verified.out
    assert "equal pass: though not ours: marked as rule/t1583.005-c2-beaconing of owner site-soc" in verified.out
    assert planned.code == 0
    assert "equal to Git, but not ours: rule/t1583.005-c2-beaconing: marked as rule/" in planned.out


def test_concealing_reaches_every_text_and_changes_no_word_of_ours():
    wanted = make.resource(body={"name": "the key is S3CR3T", "list": ["S3CR3T"], "S3CR3T": {"deep": "S3CR3T"}})
    outcome = Unreadable(Place("acme"), "S3CR3T said no")

    def redact(text):
        return text.replace("S3CR3T", "***")

    assert conceal(outcome, redact).error == "*** said no"
    assert conceal(wanted, redact).body == {"name": "the key is ***", "list": ["***"], "***": {"deep": "***"}}
    assert conceal(wanted, redact).key == wanted.key
    assert conceal(wanted, lambda text: text.replace("rule", "***")).key.kind == "rule"
