"""The exit codes that pipelines rely on, and that a target which was not looked at is never "fine"."""

import pytest
import yaml

from deployer.providers import http


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(http, "_backoff", lambda left: 0.0)
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("plan",),
        ("plan", "demo", "--tennant", "x"),
        ("plan", "demo", "--tenant", "nobody"),
        ("plan", "demo", "--rule", "t9*"),
        ("check", "demo", "--tenant", "nobody"),
        ("check", "--rule", "t9*"),
        ("plan", "demo", "--format", "xml"),
        ("plna", "demo"),
        ("emulator",),
        ("schema", "nothing"),
    ],
    ids=" ".join,
)
def test_a_usage_error_is_64_and_never_reads_as_drift(deployer, arguments):
    assert deployer(*arguments).code == 64


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("verb", ["check", "plan", "apply", "verify", "show"])
def test_an_unknown_environment_is_an_error(deployer, verb, form):
    done = deployer(verb, "pord", "--format", form)

    assert done.code == 1
    assert "prod" in done.out + done.err
    if form == "json":
        assert done.json["exit_code"] == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 401}, "401 from GET"),
        ({"status": 500}, "500 from GET"),
        ({"kind": "close"}, "no answer"),
        ({"kind": "garbage"}, "not JSON"),
    ],
    ids=["401", "500", "closed", "garbage"],
)
@pytest.mark.parametrize("verb", ["plan", "apply", "verify"])
def test_a_target_that_cannot_be_read_is_unreadable_and_the_others_go_on(deployer, site, fault, said, verb):
    deployer("apply", "site")
    site.emulator.fault(path="/s/acme/", **fault)

    run = deployer(verb, "site", "--format", "json")

    outcomes = {(one["tenant"], one["target"]): one["outcome"] for one in run.json["targets"]}
    done = {"plan": "planned", "apply": "applied", "verify": "verified"}[verb]
    assert run.code == run.json["exit_code"] == 3
    assert outcomes.pop(("acme", "kibana")) == "unreadable"
    assert set(outcomes.values()) == {done}
    assert run.json["summary"]["unreadable"] == 1
    (lost,) = [one["error"] for one in run.json["targets"] if one["outcome"] == "unreadable"]
    assert said in lost


def test_when_nothing_could_be_looked_at_the_run_has_failed(deployer, site):
    site.emulator.fault(path="/kibana|/arm", status=401)

    for verb in ("plan", "apply", "verify"):
        assert deployer(verb, "site").code == 1


def test_the_text_says_what_was_not_looked_at(deployer, site):
    site.emulator.fault(path="/s/acme/", status=401)

    planned = deployer("plan", "site")

    assert "acme/kibana: not looked at: 401 from GET" in planned.out
    assert "1 target was not looked at: nothing is known of it." in planned.out


def test_a_failed_write_makes_the_run_partial(deployer, site):
    site.emulator.fault(path="/s/acme/api/detection_engine/rules$", method="POST", status=400)

    applied = deployer("apply", "site", "--rule", "t1584.005-botnet-node", "--format", "json")

    assert applied.code == 3
    (target,) = [one for one in applied.json["targets"] if one["outcome"] == "partial"]
    (change,) = [one for one in target["changes"] if not one["done"]]
    assert (change["kind"], change["tried"]) == ("rule", True)


def test_a_plan_over_its_limits_is_refused_before_any_write(deployer, site, root):
    deployer("apply", "site")
    site.emulator.clear_requests()
    for rule in ("t1583.005-c2-beaconing", "t1583.005-mass-external-connection", "t1583.005-orb-relay"):
        for file in (root / "rules" / rule).iterdir():
            file.unlink()
        (root / "rules" / rule).rmdir()
    site.edit(site.root / "environments/site/environment.yaml", lambda document: document.update(rules=["*"]))
    for environment in ("demo", "prod"):
        for file in (root / "environments" / environment).rglob("*.yaml"):
            file.unlink()

    planned, applied = deployer("plan", "site"), deployer("apply", "site")

    assert (planned.code, applied.code) == (1, 1)
    assert "would delete 3 of 6 owned rules" in planned.out
    assert "limits.deletes" in planned.out
    assert "--allow-deletes 3" in planned.out
    assert {one["method"] for one in site.emulator.requests} == {"GET"}
    assert deployer("apply", "site", "--allow-deletes", "3").code == 0


def test_a_required_level_that_fails_or_is_unknown_decides_the_exit_code(deployer, site):
    deployer("apply", "site")
    environment = site.root / "environments/site/environment.yaml"

    site.edit(environment, lambda document: document.update(verify={"require": ["present", "ran"]}))
    unknown = deployer("verify", "site")
    site.edit(site.tenant("acme"), lambda document: document.update(overlay={"t1584*": {"severity": "low"}}))
    ignored = deployer("verify", "site")
    site.edit(environment, lambda document: document.update(verify={"require": ["equal"]}))
    failed = deployer("verify", "site")

    assert (unknown.code, ignored.code, failed.code) == (3, 3, 1)


def test_a_broken_tenant_is_stopped_alone(deployer, site):
    site.edit(site.tenant("acme"), lambda document: document["targets"]["kibana"].update(credential="nobodys"))

    applied = deployer("apply", "site", "--format", "json")

    assert applied.code == 3
    assert {one["outcome"] for one in applied.json["targets"] if one["tenant"] == "globex"} == {"applied"}
    assert site.asked("acme") == []


def test_ten_faults_in_a_tenant_file_are_ten_findings_with_their_places(deployer, site, repo_root):
    case = next((repo_root / "tests/cases/manifest/a-tenant-with-ten-faults").rglob("tenants/*.yaml"))
    broken = yaml.safe_load(site.tenant("acme").read_text())
    assert broken
    site.tenant("acme").write_text(case.read_text())

    checked = deployer("check", "site", "--rule", "t1584.005-port-scan-burst", "--format", "json")
    planned, applied = deployer("plan", "site", "--format", "json"), deployer("apply", "site", "--format", "json")

    findings = [one for one in checked.json["findings"] if one["path"] == "environments/site/tenants/acme.yaml"]
    assert checked.code == 1
    assert len([one for one in findings if one["severity"] == "error"]) >= 10
    assert all(one["line"] > 0 and one["column"] > 0 for one in findings)
    assert (planned.code, applied.code) == (3, 3)
    assert site.asked("acme") == []
    assert {one["outcome"] for one in applied.json["targets"] if one["tenant"] == "globex"} == {"applied"}


def test_errors_in_rules_stop_the_run(deployer, site, root):
    (root / "rules/t1583.005-orb-relay/rule.yaml").write_text("id: [")

    planned = deployer("plan", "site")

    assert planned.code == 1
    assert "rules/t1583.005-orb-relay/rule.yaml:2:1: error: not YAML" in planned.err
    assert site.emulator.requests == []


def test_a_fault_that_only_encoding_finds_stops_the_whole_tenant_before_any_request(deployer, site):
    overlay = {"t1584.005-botnet-node": {"severity": "medium", "sentinel": {"parameters": {"NoSuchParameter": 4}}}}
    site.edit(site.tenant("acme"), lambda document: document.update(overlay=overlay))

    applied = deployer("apply", "site", "--format", "json")

    assert applied.code == 3
    assert site.asked("acme") == []
    (stopped,) = [one for one in applied.json["targets"] if one["tenant"] == "acme"]
    (finding,) = stopped["findings"]
    assert (stopped["outcome"], finding["code"]) == ("failed", "unknown-parameter")
    assert finding["path"] == "environments/site/tenants/acme.yaml"


def test_a_fault_of_a_rule_that_only_encoding_finds_stops_the_run(deployer, site, root):
    query = root / "rules/t1583.005-orb-relay/sentinel.kql"
    query.write_text(query.read_text().replace("let ScopedProxies", "let Renamed"))

    applied = deployer("apply", "site")

    assert applied.code == 1
    assert "rules/t1583.005-orb-relay/sentinel.kql:1:1" in applied.err
    assert site.emulator.requests == []


def test_a_query_that_an_allowlist_makes_too_long_names_the_tenant(deployer, site):
    about = {"reason": "x", "owner": "x"}
    # Apart, so that they cannot be written as fewer.
    values = [f"20.{index // 125}.{index % 125 * 2}.0/24" for index in range(600)]
    entries = [{"value": value, "hosts": ["ws-1"], **about} for value in values]
    site.edit(site.tenant("acme"), lambda document: document.update(allowlists={"apm_vendors": entries}))

    checked = deployer("check", "site", "--rule", "t1584.005-port-scan-burst")

    assert checked.code == 1
    assert "environments/site/tenants/acme.yaml:" in checked.out
    assert "acme/sentinel: t1584.005-botnet-node: the query would be" in checked.out


def test_check_can_be_narrowed_to_tenants_and_rules(deployer, site, root):
    site.tenant("acme").write_text("targets: 3\n")
    (root / "rules/t1583.005-orb-relay/rule.yaml").write_text("id: t1583.005-orb-relay\n")

    def paths(*options):
        found = deployer("check", "site", "--format", "json", *options).json["findings"]
        return {finding["path"] for finding in found if finding["severity"] == "error"}

    acme, relay = "environments/site/tenants/acme.yaml", "rules/t1583.005-orb-relay/rule.yaml"
    assert acme not in paths("--tenant", "globex", "--rule", "*-orb-*")
    assert relay not in paths("--rule", "*-port-scan-*")
    assert paths("--tenant", "acme", "--rule", "*-orb-*") >= {acme, relay}
