"""The journal of `apply`: every write, before it is sent and after it, and nothing that is secret."""

from deployer.journal import read
from tests.cli.conftest import KEY
from tests.cli.conftest import TOKEN


def journals(root, folder=".deployer/journal"):
    return [read(file) for file in sorted((root / folder).glob("*.jsonl"))]


def told(lines, *names):
    return [tuple(line[name] for name in names) for line in lines]


def test_every_write_is_told_before_it_is_sent_and_after_it(deployer, root):
    applied = deployer("apply", "demo", "--yes", "--format", "json")

    (lines,) = journals(root)
    lines = [line for line in lines if line["phase"] != "settled"]
    done = [(target["tenant"], target["target"], change["id"])
            for target in applied.json["targets"] for change in target["changes"]]  # fmt: skip
    for phase in ("writing", "written"):
        assert sorted(told([line for line in lines if line["phase"] == phase], "tenant", "target", "id")) == sorted(
            done
        )
    for tenant, target, id in done:
        phases = [line["phase"] for line in lines if told([line], "tenant", "target", "id") == [(tenant, target, id)]]
        assert phases == ["writing", "written"]
    assert {(line["schema"], line["environment"], line["run"]) for line in lines} == {
        ("deployer-journal/1", "demo", lines[0]["run"])
    }


def test_an_update_is_told_with_what_was_there_and_what_is_to_be_there(deployer, root):
    deployer("apply", "demo", "--yes")
    tenant = root / "environments/demo/tenants/acme.yaml"
    tenant.write_text(tenant.read_text().replace("threshold: {value: 40}", "threshold: {value: 55}"))

    deployer("apply", "demo", "--yes", "--journal", str(root / "kept"))

    (lines,) = journals(root, "kept")
    writing, written = (line for line in lines if line["phase"] != "settled")
    assert (writing["action"], writing["kind"], writing["id"]) == ("update", "rule", "t1584.005-botnet-node")
    assert writing["before"]["body"]["threshold"]["value"] == 40
    assert writing["after"]["body"]["threshold"]["value"] == 55
    assert writing["before"]["mark"] != writing["after"]["mark"]
    assert writing["before"]["edited_by"]
    assert written["phase"] == "written"


def test_a_run_tells_of_every_target_what_is_ours_there_afterwards(deployer, root):
    deployer("apply", "demo", "--yes")
    deployer("apply", "demo", "--yes", "--journal", str(root / "second"))
    deployer("plan", "demo")

    (first,), (second,) = journals(root), journals(root, "second")
    told_first, told_second = (
        {(line["tenant"], line["target"]): line["owned"] for line in lines if line["phase"] == "settled"}
        for lines in (first, second)
    )
    assert told_first == told_second
    assert {where: len(owned) for where, owned in told_second.items()} == {
        ("acme", "kibana"): 26, ("acme", "sentinel"): 7, ("globex", "kibana"): 15, ("globex", "sentinel"): 5,
    }  # fmt: skip
    assert ["rule", "t1584.005-botnet-node"] in told_second["acme", "sentinel"]
    assert {line["phase"] for line in second} == {"settled"}


def test_a_write_that_fails_is_told_with_its_error(deployer, site):
    site.emulator.fault(path="/s/acme/api/detection_engine/rules$", method="POST", status=400)

    deployer("apply", "site", "--tenant", "acme", "--rule", "t1584.005-botnet-node")

    (lines,) = journals(site.root)
    (failed,) = [line for line in lines if line["phase"] == "failed"]
    assert (failed["kind"], failed["id"]) == ("rule", "t1584.005-botnet-node")
    assert "400" in failed["error"]


def test_nothing_is_sent_that_could_not_be_told(deployer, site):
    (site.root / ".deployer").mkdir()
    (site.root / ".deployer/journal").write_text("in the way")

    applied = deployer("apply", "site", "--format", "json")

    assert applied.code == 1
    assert {one["method"] for one in site.emulator.requests} == {"GET"}
    (error,) = {
        change["error"]
        for target in applied.json["targets"]
        for change in target["changes"]
        if "not sent" in change["error"]
    }
    assert "cannot be written" in error


def test_no_secret_gets_into_the_journal(deployer, site):
    """A live rule that repeats the key: what is journalled of it is without."""
    deployer("apply", "site")
    for tenant in ("acme", "globex"):
        site.edit(site.tenant(tenant), lambda document: document.update(overlay={"*": {"severity": "low"}}))
    bench = site.emulator
    bench.clear_requests()
    import requests

    rule = {"rule_id": "t1584.005-botnet-node", "note": f"ask with {KEY} or {TOKEN}"}
    requests.patch(
        f"{bench.url}/kibana/s/acme/api/detection_engine/rules", json=rule, auth=("jo", "pw"),
        headers={"kbn-xsrf": "x"}, timeout=10,
    ).raise_for_status()  # fmt: skip

    assert deployer("apply", "site", "--journal", str(site.root / "kept")).code == 0

    text = "".join(file.read_text() for file in (site.root / "kept").iterdir())
    assert "ask with ***" in text
    assert KEY not in text
    assert TOKEN not in text
