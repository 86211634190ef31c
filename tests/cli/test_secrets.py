"""No credential appears in anything, and none goes where it is not bound to."""

import copy
import logging

import pytest

from deployer.emulator import Emulator
from tests.cli.conftest import KEY
from tests.cli.conftest import TOKEN

SECRETS = (KEY, "planted:S3cr3tKeyOfAcme", "S3cr3tKeyOfAcme", TOKEN)


@pytest.mark.parametrize("echo", [None, 400, 401, 500], ids=str)
def test_a_planted_credential_appears_in_nothing_that_a_run_leaves(deployer, site, root, caplog, echo, monkeypatch):
    """Even when the server repeats the request's own header in its error."""
    monkeypatch.setattr("deployer.providers.http._backoff", lambda left: 0.0)
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    caplog.set_level(logging.DEBUG)
    if echo:
        for secret in (KEY, TOKEN, "planted:S3cr3tKeyOfAcme"):
            said = f"header Authorization: ApiKey {secret} was refused"
            body = {"statusCode": echo, "message": said, "error": {"code": "x", "message": said}}
            site.emulator.fault(path="/s/acme/|workspaces/acme", status=echo, body=body, times=4)
    said = ""
    offline = (
        () if echo else ("check --rule t1584.005-port-scan-burst", "show", "allowlist list")
    )  # no server to repeat anything
    for verb in (*offline, "plan", "apply", "verify", "plan"):
        for form in ("text", "json"):
            run = deployer(*verb.split(), "site", "--format", form)
            said += run.out + run.err
    deployer("plan", "site", "--out", str(root / "report.txt"))

    written = "".join(path.read_text(errors="replace") for path in root.rglob("*") if path.is_file())
    for secret in SECRETS:
        assert secret not in said
        assert secret not in caplog.text
        assert secret not in written
    assert "acme" in said


@pytest.mark.parametrize("echo", [401, 500])
def test_a_backtest_says_what_a_server_answered_without_the_credential_in_it(deployer, site, monkeypatch, echo):
    monkeypatch.setattr("deployer.providers.http._backoff", lambda left: 0.0)
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    site.tenant("globex").unlink()
    elasticsearch = {"url": f"{site.emulator.url}/elasticsearch/s/acme", "credential": "kibana"}

    def open_both(document):
        document["targets"]["kibana"]["elasticsearch"] = elasticsearch
        document["targets"]["sentinel"]["logs_endpoint"] = f"{site.emulator.url}/loganalytics"

    site.edit(site.tenant("acme"), open_both)
    for secret in (KEY, TOKEN, "planted:S3cr3tKeyOfAcme"):
        said = f"header Authorization: ApiKey {secret} was refused"
        body = {"statusCode": echo, "message": said, "error": {"code": "x", "message": said}}
        site.emulator.fault(path="/s/acme/|workspaces/acme", status=echo, body=body, times=400)

    for form in ("text", "json", "markdown"):
        run = deployer("backtest", "site", "--days", "1", "--rule", "t1584.005-botnet-node", "--format", form)

        assert run.code == 1
        assert run.out.count("was refused") >= 2  # by both platforms
        assert [secret for secret in SECRETS if secret in run.out + run.err] == []


def test_a_target_that_names_another_customers_credential_is_refused_before_any_request(deployer, site):
    def bind(document):
        document["credentials"]["globex-kibana"] = {
            **copy.deepcopy(document["credentials"]["kibana"]),
            "tenants": ["globex"],
        }

    site.edit(site.root / "environments/site/environment.yaml", bind)
    site.edit(site.tenant("acme"), lambda document: document["targets"]["kibana"].update(credential="globex-kibana"))

    planned = deployer("plan", "site", "--tenant", "acme")

    assert planned.code == 1
    assert "the credential `globex-kibana` is not for acme" in planned.out
    assert site.emulator.requests == []


def test_a_host_that_a_credential_is_not_bound_to_is_refused_before_any_request(deployer, site):
    with Emulator() as other:
        url = other.url.replace("127.0.0.1", "localhost")
        site.edit(site.tenant("acme"), lambda document: document["targets"]["kibana"].update(url=f"{url}/kibana"))

        planned = deployer("plan", "site", "--tenant", "acme")

        assert planned.code == 1
        assert "may not go to localhost" in planned.out
        assert other.requests == []


def test_the_list_of_trusted_hosts_from_outside_wins(deployer, site, monkeypatch):
    monkeypatch.setenv("DEPLOYER_TRUSTED_HOSTS", "kibana.acme.example")

    planned = deployer("plan", "site")

    assert planned.code == 1
    assert site.emulator.requests == []


def test_a_credential_that_is_not_set_is_named_and_its_target_not_asked(deployer, site, monkeypatch):
    monkeypatch.delenv("SITE_KIBANA_KEY")

    planned = deployer("plan", "site")

    assert planned.code == 3
    assert "credential kibana is empty: set the environment variable SITE_KIBANA_KEY" in planned.out
    assert not [one for one in site.emulator.requests if "/kibana" in one["path"]]


def test_a_netrc_entry_and_a_proxy_of_the_environment_do_not_replace_or_see_the_key(
    deployer, site, monkeypatch, tmp_path
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login mallory password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    planned = deployer("plan", "site")

    assert planned.code == 2
    assert {one["user"] for one in site.emulator.requests if "/kibana" in one["path"]} == {"planted"}


def test_a_redirect_takes_no_key_along(deployer, site):
    with Emulator() as other:
        location = {"Location": f"{other.url}/kibana/s/acme/api/detection_engine/rules/_find"}
        site.emulator.fault(path="/kibana|/arm", status=307, headers=location)

        planned = deployer("plan", "site")

        assert planned.code == 1
        assert other.requests == []


def test_a_next_link_to_another_origin_is_not_followed(deployer, site):
    with Emulator() as other:
        body = {"value": [], "nextLink": f"{other.url}/arm/next"}
        site.emulator.fault(path="workspaces/acme/.*alertRules$", status=200, body=body)

        planned = deployer("plan", "site", "--tenant", "acme")

        assert planned.code == 3
        assert "not followed" in planned.out
        assert other.requests == []


def test_a_secret_with_a_line_break_inside_is_refused_and_not_shown(deployer, site, monkeypatch):
    monkeypatch.setenv("SITE_KIBANA_KEY", "first-half\nsecond-half")

    planned = deployer("plan", "site")

    assert "holds characters that cannot be sent" in planned.out
    assert "first-half" not in planned.out + planned.err


def test_a_key_that_somebody_wrote_into_a_live_rule_is_masked_in_text_and_json(deployer, site):
    import requests

    deployer("apply", "site")
    url = f"{site.emulator.url}/kibana/s/acme/api/detection_engine/rules"
    body = {"rule_id": "t1584.005-botnet-node", "name": f"use {KEY} to log in"}
    requests.patch(url, json=body, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10).raise_for_status()

    text, document = deployer("plan", "site"), deployer("plan", "site", "--format", "json")

    assert '- "use *** to log in"' in text.out
    assert KEY not in text.out + document.out
    assert document.json["targets"][0]["changes"][0]["fields"][0]["before"] == "use *** to log in"


def test_basic_authentication_is_encoded_and_sent_as_such(deployer, site, monkeypatch):
    monkeypatch.setenv("SITE_KIBANA_KEY", "soc-robot:Pa55word!")
    credentials = {"type": "basic", "env": "SITE_KIBANA_KEY", "hosts": ["127.0.0.1"]}

    def to_basic(document):
        document["credentials"]["kibana"] = credentials

    site.edit(site.root / "environments/site/environment.yaml", to_basic)

    planned = deployer("plan", "site")

    assert planned.code == 2
    assert {one["user"] for one in site.emulator.requests if "/kibana" in one["path"]} == {"soc-robot"}
