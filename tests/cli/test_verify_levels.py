"""`verify`: six levels, whose key a rule runs with, whether its data arrives, and waiting for what time will tell."""

import json
import threading
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
import requests
import yaml

from deployer.emulator import Emulator
from deployer.fleet import Fleet
from deployer.manifest.load import load
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.outcome import Place
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.state import Key
from deployer.state import Kind
from deployer.verify import Waiting
from deployer.verify import until_known
from tests.cli.conftest import KEY

RULE = "t1584.005-botnet-node"
INDEX = "logs-endpoint.events.network-default"
CLUSTER_KEY = "cmVhZGVyOlBsNG50M2RDbHVzdGVyS2V5"
"""base64 of reader:Pl4nt3dClusterKey"""
RULES = "/api/detection_engine/rules"


@pytest.fixture
def acme(site, monkeypatch):
    """The site with acme's Kibana target alone, whose cluster is named; one rule."""
    monkeypatch.setattr("deployer.providers.http._backoff", lambda left: 0.0)
    monkeypatch.setenv("SITE_CLUSTER_KEY", CLUSTER_KEY)
    site.tenant("globex").unlink()

    def change(document):
        document["credentials"]["cluster"] = {"type": "api_key", "env": "SITE_CLUSTER_KEY", "hosts": ["127.0.0.1"]}
        document["rules"] = [RULE]

    site.edit(site.root / "environments/site/environment.yaml", change)
    address = {"url": f"{site.emulator.url}/elasticsearch/s/acme", "credential": "cluster"}

    def target(document):
        del document["targets"]["sentinel"]
        document["data_sources"] = {"kibana": {"endpoint.events.network": []}}
        document["targets"]["kibana"]["elasticsearch"] = address

    site.edit(site.tenant("acme"), target)
    return site


def require(site, *levels):
    path = site.root / "environments/site/environment.yaml"
    site.edit(path, lambda document: document.update(verify={"require": list(levels)}))


def events(count, **fields):
    now = datetime.now(UTC)
    event = {
        "event.category": ["network"], "event.action": "connection_attempted", "network.direction": "egress",
        "host.name": "ws-1", "destination.ip": "198.51.100.7", "destination.port": 6667, "process.name": "x.exe",
        **fields,
    }  # fmt: skip
    return [{"@timestamp": (now - timedelta(minutes=number + 1)).isoformat(), **event} for number in range(count)]


def verified(deployer, *options):
    run = deployer("verify", "site", "--format", "json", *options)
    (target,) = run.json["targets"]
    levels = {one["level"]: one for one in target["levels"] if one["kind"] == "rule"} if "levels" in target else {}
    return run.code, levels, target


def run_rule(site, status="succeeded", message="m", **more):
    url = f"{site.emulator.url}/_emulator/kibana/acme/run"
    body = {"rule_id": RULE, "status": status, "message": message, **more}
    requests.post(url, json=body, timeout=10).raise_for_status()


# -- ran and healthy ---------------------------------------------------------------------------------------------------


def test_a_rule_that_ran_and_failed_has_run_and_is_not_healthy(deployer, acme):
    deployer("apply", "site")
    run_rule(acme, "failed", "no such index", metrics={"execution_gap_duration_s": 120})
    require(acme, "present", "ran")
    ran = deployer("verify", "site")
    require(acme, "present", "ran", "healthy")
    healthy = deployer("verify", "site")

    said = "its last run ended: failed: no such index; a gap of 120 s before it was not looked at: rule/" + RULE
    assert (ran.code, f"  healthy fail (not required): {said}\n" in ran.out) == (0, True)
    assert (healthy.code, f"  healthy fail: {said}\n" in healthy.out) == (1, True)


def test_a_run_with_a_gap_before_it_passes_with_a_remark(deployer, acme):
    deployer("apply", "site")
    run_rule(acme, metrics={"execution_gap_duration_s": 61.4})

    out = deployer("verify", "site").out

    assert f"  healthy pass: a gap of 61 s before it was not looked at: rule/{RULE}\n" in out


def test_a_rule_that_git_wants_disabled_leaves_nothing_unknown(deployer, acme):
    site = acme
    require(site, "present", "equal", "enabled", "ran", "healthy", "data")
    path = site.root / f"rules/{RULE}/rule.yaml"
    path.write_text(path.read_text().replace("\nenabled: true\n", "\nenabled: false\n"))
    deployer("apply", "site")

    code, levels, _ = verified(deployer)

    assert (code, sorted(levels)) == (0, ["enabled", "equal", "present"])


def test_unknown_is_counted_apart_from_what_failed(deployer, acme):
    deployer("apply", "site")

    out = deployer("verify", "site").out

    assert "enabled 1 of 1, ran not known (1), healthy not known (1), data 0 of 1\n" in out
    assert f"  ran and healthy unknown (not required): it has not run yet: rule/{RULE}\n" in out


# -- whose key ---------------------------------------------------------------------------------------------------------


def test_our_own_key_is_shown_without_a_warning(deployer, acme):
    deployer("apply", "site")

    (rights,) = verified(deployer)[2]["runs_as"]

    assert rights == {
        "kind": "rule", "id": RULE, "owner": "planted", "api_key": True, "warning": "", "note": "",
    }  # fmt: skip
    assert f"  runs with an API key of planted: rule/{RULE}\n" in deployer("verify", "site").out


def test_the_key_of_a_person_is_a_warning_and_no_failure(deployer, acme):
    deployer("apply", "site")
    url = f"{acme.emulator.url}/kibana/s/acme{RULES}"
    headers = {"kbn-xsrf": "x"}
    for enabled in (False, True):
        requests.patch(
            url, json={"rule_id": RULE, "enabled": enabled}, auth=("jo", "pw"), headers=headers, timeout=10
        ).raise_for_status()

    code, _, target = verified(deployer)
    (rights,) = target["runs_as"]

    assert (code, rights["owner"], rights["api_key"]) == (0, "jo", False)
    assert "that is not the user of this run (planted)" in rights["warning"]
    assert "  runs with the login of jo; warning: that is not" in deployer("verify", "site").out


@pytest.mark.parametrize(("status", "said"), [(403, "403 from GET"), (404, "404 from GET"), (500, "500 from GET")])
def test_a_kibana_that_does_not_tell_whose_key_it_is_stops_nothing(deployer, acme, status, said):
    deployer("apply", "site")
    acme.emulator.fault(path="/api/alerting/rule/", status=status, body={"message": "not for you"})

    code, levels, target = verified(deployer)
    (rights,) = target["runs_as"]

    assert (code, rights["owner"]) == (0, None)
    assert said in rights["note"]
    assert "data" in levels


# -- data --------------------------------------------------------------------------------------------------------------


def test_without_a_cluster_the_setting_is_named_that_would_make_it_known(deployer, acme):
    deployer("apply", "site")
    acme.edit(acme.tenant("acme"), lambda document: document["targets"]["kibana"].pop("elasticsearch"))

    _, levels, _ = verified(deployer)

    assert levels["data"]["answer"] == "unknown"
    assert levels["data"]["setting"] == "name `elasticsearch: {url, credential}` in the target"
    assert "To know it: name `elasticsearch: {url, credential}` in the target" in deployer("verify", "site").out


def test_a_low_byte_branch_without_bytes_is_named_with_its_system(deployer, acme):
    require(acme, "data")
    deployer("apply", "site")
    none = verified(deployer)
    windows = events(3, **{"host.os.type": "windows"})
    linux = events(2, **{"host.os.type": "linux", "source.bytes": 90})
    acme.emulator.load(kibana={"acme": {INDEX: windows}})
    blind = verified(deployer)
    acme.emulator.load(kibana={"acme": {INDEX: linux}})
    some = verified(deployer)

    branch = "within now-24h, branch `source.bytes < 1000 and process.name: *` sees nothing"
    aside = "; not looked at, because the data view computes it: deployer.epoch_hour"
    assert (none[0], none[1]["data"]["reason"]) == (1, "no index matches logs-endpoint.events.network-*")
    assert blind[0] == 0
    assert blind[1]["data"]["reason"] == f"{branch}: 0 of 3 documents have source.bytes{aside}"
    assert some[0] == 0
    assert some[1]["data"]["reason"] == f"{branch} on windows: 0 of 3 documents have source.bytes{aside}"


def test_bytes_on_other_kinds_of_event_do_not_feed_the_branch(deployer, acme):
    """As with Elastic Defend, which reports source.bytes when a connection ends."""
    deployer("apply", "site")
    ends = events(4, **{"event.action": "disconnect_received", "source.bytes": 90})
    acme.emulator.load(kibana={"acme": {INDEX: [*events(2), *ends]}})

    assert "0 of 2 documents have source.bytes" in verified(deployer)[1]["data"]["reason"]


def test_data_for_every_branch_on_every_system_passes_without_a_word(deployer, acme):
    deployer("apply", "site")
    acme.emulator.load(kibana={"acme": {INDEX: events(3, **{"host.os.type": "windows", "source.bytes": 90})}})

    code, levels, _ = verified(deployer)

    assert (code, levels["data"]["answer"], levels["data"]["reason"]) == (0, "pass", "")


def test_events_from_before_the_look_back_are_no_data(deployer, acme):
    deployer("apply", "site")
    old = [{**one, "@timestamp": "2026-01-01T00:00:00Z"} for one in events(1)]
    acme.emulator.load(kibana={"acme": {INDEX: old}})

    assert verified(deployer)[1]["data"]["reason"].startswith("no document in logs-endpoint.events.network-* within")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 401}, "401 from POST"),
        ({"status": 403}, "(credential cluster)"),
        ({"status": 429, "headers": {"Retry-After": "0"}}, "429 from"),
        ({"status": 500}, "500 from"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, "a redirect, which is never followed"),
        ({"kind": "close"}, "no answer to"),
        ({"kind": "garbage"}, "does not answer as Elasticsearch does"),
        ({"status": 200, "body": {"indices": "x"}, "headers": {"X-Elastic-Product": "Elasticsearch"}}, "not as"),
        ({"status": 200, "body": {"indices": ["x"], "fields": {}}}, "does not answer as Elasticsearch does"),
    ],
    ids=["401", "403", "429", "500", "redirect", "closed", "garbage", "odd", "another product"],
)
def test_a_cluster_that_cannot_be_asked_leaves_data_unknown_and_the_rest_known(deployer, acme, fault, said):
    require(acme, "present", "equal", "enabled", "data")
    deployer("apply", "site")
    acme.emulator.load(kibana={"acme": {INDEX: events(1)}})
    acme.emulator.fault(path="_field_caps", **fault)

    code, levels, _ = verified(deployer)

    assert (code, levels["data"]["answer"], levels["equal"]["answer"]) == (3, "unknown", "pass")
    assert said in levels["data"]["reason"]
    assert "Traceback" not in levels["data"]["reason"]


def test_indices_that_the_credential_may_not_read_are_not_taken_for_missing_ones(deployer, acme):
    deployer("apply", "site")
    refused = {"username": "reader", "has_all_requested": False, "cluster": {}, "index": {}, "application": {}}
    product = {"X-Elastic-Product": "Elasticsearch"}
    acme.emulator.fault(path="_has_privileges", status=200, body=refused, headers=product)

    level = verified(deployer)[1]["data"]

    assert level["answer"] == "unknown"
    assert level["reason"] == "no index that the credential may read matches logs-endpoint.events.network-*"
    assert level["setting"].startswith("give the credential `read` and `view_index_metadata`")


def test_a_cluster_that_does_not_answer_in_time_leaves_data_unknown(deployer, acme, monkeypatch):
    monkeypatch.setattr("deployer.providers.http.TIMEOUT_SECONDS", (0.2, 0.2))
    deployer("apply", "site")
    acme.emulator.fault(path="_field_caps", kind="timeout", seconds=1.0)

    level = verified(deployer)[1]["data"]

    assert (level["answer"], "no answer to" in level["reason"]) == ("unknown", True)


def test_the_clusters_key_is_sent_where_it_is_bound_to_and_appears_nowhere(deployer, acme, caplog):
    caplog.set_level(0)
    deployer("apply", "site")
    said = f"ApiKey {CLUSTER_KEY} was refused"
    acme.emulator.fault(path="_field_caps", status=403, body={"error": {"reason": said}, "status": 403}, times=1)
    outs = [deployer("verify", "site", "--format", form) for form in ("text", "json")]

    asked = [one for one in acme.emulator.requests if one["path"].startswith("/elasticsearch/")]
    assert {one["user"] for one in asked} == {"reader"}
    assert "*** was refused" in outs[0].out
    for secret in (CLUSTER_KEY, "Pl4nt3dClusterKey", KEY):
        assert all(secret not in run.out + run.err for run in outs)
        assert secret not in caplog.text


def test_the_key_never_goes_to_a_host_that_it_is_not_bound_to(deployer, acme):
    deployer("apply", "site")
    with Emulator() as other:
        url = other.url.replace("127.0.0.1", "localhost")
        acme.edit(
            acme.tenant("acme"),
            lambda document: document["targets"]["kibana"]["elasticsearch"].update(url=f"{url}/elasticsearch"),
        )
        run = deployer("verify", "site")

        assert run.code == 1
        assert "the credential `cluster` may not go to localhost, only to 127.0.0.1" in run.out + run.err
        assert other.requests == []


def test_a_host_that_is_trusted_no_more_when_the_run_starts_gets_nothing(deployer, acme, monkeypatch):
    """The list given from outside wins, also for the cluster alone."""
    with Emulator() as other:
        url = other.url.replace("127.0.0.1", "localhost")

        def widen(document):
            document["trusted_hosts"] = ["127.0.0.1", "localhost"]
            document["credentials"]["cluster"]["hosts"] = ["localhost"]

        acme.edit(acme.root / "environments/site/environment.yaml", widen)
        acme.edit(
            acme.tenant("acme"),
            lambda document: document["targets"]["kibana"]["elasticsearch"].update(url=f"{url}/elasticsearch"),
        )
        fleet = Fleet(load(acme.root, "site"), acme.root, trusted_hosts=("127.0.0.1",))
        fleet.apply()
        (outcome,) = fleet.verify()

        assert isinstance(outcome, Verified)
        (data,) = [level for level in outcome.levels if level.level == "data"]
        assert (data.answer, "localhost is not among the trusted hosts" in data.reason) == (Answer.UNKNOWN, True)
        assert other.requests == []


def test_plan_and_apply_never_ask_the_cluster(deployer, acme):
    deployer("plan", "site")
    deployer("apply", "site")

    assert [one for one in acme.emulator.requests if "/elasticsearch" in one["path"]] == []


# -- waiting -----------------------------------------------------------------------------------------------------------


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def outcome(target: str, awaited: bool, answer: Answer = Answer.UNKNOWN) -> Verified:
    level = Level(Key(Kind.RULE, "r"), "ran", answer if awaited else Answer.PASS, awaited=awaited)
    return Verified(Place("acme", target), (level,), ("ran",))


def waited(looks: list[Any], seconds: float = 900.0, **hands: Any) -> tuple[list[Any], Clock, list[str], list[Any]]:
    clock = Clock()
    said: list[str] = []
    asked: list[Any] = []

    def look(places):
        asked.append(places)
        return looks.pop(0)

    waiting = Waiting(seconds, said.append, hands.get("sleep", clock.sleep), lambda: clock.now)
    return until_known(look, waiting, hands.get("interrupted", lambda: False)), clock, said, asked


def test_only_targets_that_are_not_known_are_looked_at_again():
    first, again, last = [outcome("a", True), outcome("b", False)], [outcome("a", True)], [outcome("a", False)]

    found, clock, said, asked = waited([first, again, last])

    assert found == [outcome("a", False), outcome("b", False)]
    assert asked == [None, {Place("acme", "a")}, {Place("acme", "a")}]
    assert clock.slept == [5.0, 10.0]
    assert said == [
        "Waiting up to 15 min 0 s more; not known yet: acme/a (ran of 1)",
        "Waiting up to 14 min 55 s more; not known yet: acme/a (ran of 1)",
    ]


def test_waiting_ends_when_the_time_is_up():
    found, clock, said, _ = waited([[outcome("a", True)]] * 9, seconds=40.0)

    assert (clock.slept, found) == ([5.0, 10.0, 20.0, 5.0], [outcome("a", True)])
    assert said[-1] == "The time is up; not known yet: acme/a (ran of 1)"


def test_what_no_time_can_cure_is_not_waited_for():
    level = Level(Key(Kind.RULE, "r"), "data", Answer.UNKNOWN, "no cluster", "name it")
    looks = [[Verified(Place("acme", "a"), (level,), ("data",)), Unreadable(Place("acme", "b"), "401")]]

    assert waited(looks)[1].slept == []


def test_a_target_that_cannot_be_read_again_keeps_what_was_known_and_is_tried_again():
    looks = [[outcome("a", True)], [Unreadable(Place("acme", "a"), "503")], [outcome("a", False)]]

    found, _, said, _ = waited(looks)

    assert found == [outcome("a", False)]
    assert "acme/a could not be read again: 503" in said


def test_whoever_interrupts_gets_what_is_known_by_then():
    def interrupt(seconds):
        raise KeyboardInterrupt

    found, _, said, _ = waited([[outcome("a", True)]], sleep=interrupt)

    assert (found, said[-1]) == ([outcome("a", True)], "Interrupted: this is what is known so far.")


def test_an_interrupted_look_is_the_last_one_and_takes_nothing_back():
    looks = [[outcome("a", True)], [Unreadable(Place("acme", "a"), "interrupted before it was looked at")]]

    found, _, said, _ = waited(looks, interrupted=lambda: not looks)

    assert found == [outcome("a", True)]
    assert not any("could not be read" in line for line in said)


def test_wait_looks_again_until_the_rule_has_run(deployer, acme, monkeypatch):
    require(acme, "ran", "healthy")
    deployer("apply", "site")
    before = deployer("verify", "site")
    monkeypatch.setattr("deployer.verify.PAUSES_SECONDS", (0.01,))
    timer = threading.Timer(0.5, lambda: run_rule(acme))
    timer.start()
    after = deployer("verify", "site", "--wait", "1m", "--format", "json")
    timer.join()

    assert (before.code, after.code) == (3, 0)
    assert "Waiting up to " in after.err
    assert "acme/kibana (ran of 1, healthy of 1)" in after.err
    assert json.loads(after.out)["targets"][0]["outcome"] == "verified"


def test_wait_says_so_when_nothing_required_could_change_with_time(deployer, acme):
    deployer("apply", "site")

    run = deployer("verify", "site", "--wait", "15m")

    assert run.code == 0
    assert run.err == (
        "Nothing to wait for: site requires present, equal, enabled; name ran, healthy or data in its "
        "`verify.require`.\n"
    )


@pytest.mark.parametrize("text", ["15", "m", "-1m", "1d", "1.5h"])
def test_a_wait_that_is_no_duration_is_a_usage_error(deployer, acme, text):
    run = deployer("verify", "site", f"--wait={text}")

    assert (run.code, "write 90s, 15m or 1h" in run.err) == (64, True)


def test_all_six_levels_may_be_required(acme):
    require(acme, "present", "equal", "enabled", "ran", "healthy", "data")

    assert load(acme.root, "site").environment.require == ("present", "equal", "enabled", "ran", "healthy", "data")
    assert yaml.safe_load((acme.root / "environments/site/environment.yaml").read_text())["verify"]
