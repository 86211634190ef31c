"""A checkout that nobody has reviewed is planned with the credentials of one that was: it can neither name a key, nor
run a command, nor send a key to another host."""

import shutil
import sys

import pytest
import yaml

SECRET = "SITE_KIBANA_KEY"


@pytest.fixture
def proposed(site, tmp_path_factory, monkeypatch):
    """A second checkout, of a pull request; the first one is trusted."""
    folder = tmp_path_factory.mktemp("proposed")
    for name in ("rules", "environments"):
        shutil.copytree(site.root / name, folder / name)
    monkeypatch.setenv("DEPLOYER_TRUSTED_ROOT", str(site.root))
    return folder


def plan(deployer, proposed, *arguments):
    return deployer("--root", str(proposed), "plan", "site", *arguments)


def edit(checkout, change):
    path = checkout / "environments/site/environment.yaml"
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


def test_what_is_planned_is_the_proposed_checkout(deployer, proposed):
    edit(proposed, lambda document: document.update(rules=["t1584.005-botnet-node"]))

    planned = plan(deployer, proposed, "--format", "json")

    ids = {one["id"] for each in planned.json["targets"] for one in each["changes"] if one["kind"] == "rule"}
    assert (planned.code, ids) == (2, {"t1584.005-botnet-node"})


@pytest.mark.parametrize("change", ["command", "env", "file"])
def test_where_a_secret_lies_is_not_for_the_proposed_checkout_to_say(deployer, site, proposed, tmp_path, change):
    """Not even through a command or a file of the trusted checkout's name."""
    ran = tmp_path / "ran"
    code = f"import pathlib; pathlib.Path({str(ran)!r}).touch(); print('c3RvbGVuOnN0b2xlbg==')"
    source = {"command": [sys.executable, "-c", code], "env": "HOME", "file": "key"}[change]
    (proposed / "key").write_text("c3RvbGVuOnN0b2xlbg==")

    def steal(document):
        kibana = document["credentials"]["kibana"]
        del kibana["env"]
        kibana[change] = source

    edit(proposed, steal)

    assert plan(deployer, proposed).code == 2
    assert not ran.exists()
    assert not [one for one in site.emulator.requests if "stolen" in str(one)]


def test_a_relative_command_runs_where_the_trusted_checkout_lies(deployer, site, proposed, monkeypatch):
    for checkout, key in ((site.root, "c2l0ZTpzaXRl"), (proposed, "")):
        (checkout / "key.py").write_text(f"print('{key}')\n")
    edit(site.root, lambda document: document["credentials"]["kibana"].pop("env"))
    edit(site.root, lambda document: document["credentials"]["kibana"].update(command=[sys.executable, "-I", "key.py"]))
    monkeypatch.delenv(SECRET)

    assert plan(deployer, proposed).code == 2


def test_hosts_that_the_proposed_checkout_trusts_are_not_trusted(deployer, site, proposed):
    tenant = proposed / "environments/site/tenants/acme.yaml"
    tenant.write_text(tenant.read_text().replace("http://127.0.0.1", "http://localhost"))

    def trust(document):
        document["trusted_hosts"].append("localhost")
        for credential in document["credentials"].values():
            credential["hosts"].append("localhost")

    edit(proposed, trust)

    planned = plan(deployer, proposed, "--format", "json")

    stopped = {each["tenant"] for each in planned.json["targets"] if each["outcome"] == "failed"}
    assert (planned.code, stopped, site.asked("acme")) == (3, {"acme"}, [])


def test_a_link_out_of_the_proposed_checkout_is_not_followed(deployer, proposed, tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text("owner: S3CR3T\n")
    query = proposed / "rules/t1584.005-botnet-node/kibana.kuery"
    query.unlink()
    query.symlink_to(secret)

    planned = plan(deployer, proposed, "--format", "json")

    assert (planned.code, planned.json["targets"]) == (1, [])
    assert "S3CR3T" not in planned.out + planned.err


def test_an_environment_that_the_trusted_checkout_does_not_know_is_not_planned(deployer, site, proposed):
    (site.root / "environments/site/environment.yaml").unlink()

    assert plan(deployer, proposed).code == 1
    assert site.emulator.requests == []


def test_a_variable_that_was_left_empty_trusts_nobody(deployer, site, proposed, monkeypatch):
    monkeypatch.setenv("DEPLOYER_TRUSTED_ROOT", "")

    assert plan(deployer, proposed).code == 64
    assert site.emulator.requests == []
