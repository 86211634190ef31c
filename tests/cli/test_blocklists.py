"""`deployer check --blocklist`: what customers allow is held against lists of known bad addresses."""

ACME = "environments/demo/tenants/acme.yaml"
CHECK = ("check", "demo", "--rule", "t1584.005-port-scan-burst")
"""Of the rules the one that is looked at fastest."""
EXCEPTION = """exceptions:
  - rules: [t1584.005-botnet-node]
    kibana: [{field: destination.ip, operator: included, type: match, value: 192.0.2.201}]
    reason: r
    owner: o
"""


def test_what_is_allowed_and_listed_fails_the_check_in_files_with_other_errors_too(deployer, root):
    """Entries, exceptions, and an entry beside one that is wrong in itself."""
    tenant, own, json = root / ACME, root / "own.txt", root / "feodo.json"
    tenant.write_text(tenant.read_text().replace("value: 198.51.100.8/29", "value: 198.51.100.9/29") + EXCEPTION)
    own.write_text("198.51.100.33 # seen in an incident\n192.0.2.201\n")
    json.write_text('[{"ip_address": "203.0.113.226", "malware": "Dridex"}]')

    done = deployer(*CHECK, "--format", "json", "--blocklist", str(own), "--blocklist", str(json))

    found = [one for one in done.json["findings"] if one["code"] == "on-blocklist"]
    assert [(one["path"], one["line"], one["message"].partition(" on the")[0]) for one in found] == [
        (ACME, 58, "'203.0.113.226' is"),
        (ACME, 63, "'198.51.100.33' is"),
        (ACME, 84, "'192.0.2.201' is"),
    ]
    assert found[1]["message"].endswith(
        f" blocklist {own}:1:1 ('seen in an incident'); take it out, or have the list corrected where it is wrong"
    )
    assert (done.code, done.json["blocklists"]) == (
        1,
        [{"path": str(own), "values": 2}, {"path": str(json), "values": 1}],
    )


def test_nothing_on_a_list_is_said_with_what_was_looked_at(deployer, tmp_path):
    (tmp_path / "drop.txt").write_text("; a list\n1.10.16.0/20 ; SBL256894\n")
    done = deployer(*CHECK, "--blocklist", str(tmp_path / "drop.txt"))

    assert done.code == 0
    assert done.out.endswith(f"; held what is allowed against 1 values of {tmp_path / 'drop.txt'}.\n")


def test_a_list_that_cannot_be_read_fails_the_check(deployer, tmp_path):
    (tmp_path / "empty").write_text("")
    done = deployer(*CHECK, "--blocklist", str(tmp_path / "empty"))

    assert done.code == 1
    assert f"{tmp_path}/empty:1:1: error: the blocklist names no address and no domain [bad-blocklist]" in done.out


def test_a_tenant_that_cannot_be_read_is_not_passed_over(deployer, root):
    (root / ACME).write_text("targets: [")
    (root / "own.txt").write_text("198.51.100.33\n")
    done = deployer(*CHECK, "--blocklist", str(root / "own.txt"))

    said = "warning: what acme allows was not held against the blocklists: its file cannot be read [not-checked]"
    assert (done.code, f"{ACME}:1:1: {said}" in done.out) == (1, True)


def test_a_file_that_is_not_there_is_a_mistake_of_the_command_line(deployer):
    assert deployer(*CHECK, "--blocklist", "nowhere.csv").code == 64
