"""Loading: rules and environments stop the run, a tenant's file stops that tenant only, and nothing else is silent."""

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest.load import inspect
from deployer.manifest.load import load
from deployer.manifest.yaml import parse
from deployer.model import Category
from deployer.model import Credential
from deployer.model import Entry
from deployer.model import KibanaTarget
from deployer.model import Limits
from deployer.model import SentinelTarget
from deployer.model import Tenant
from deployer.model import ValueKind

CASES = Path(__file__).parents[2] / "cases" / "manifest"
TODAY = date(2026, 11, 21)
ACME = "environments/test/tenants/acme.yaml"
GLOBEX = "environments/test/tenants/globex.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "sound", tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_sound_manifest_holds_everything_that_was_written(root: Path) -> None:
    manifest = load(root, "test")

    assert manifest.findings == ()
    assert manifest.broken_tenants == {}
    assert sorted(manifest.rules) == ["beacon", "relay"]
    assert manifest.rules["relay"].live_id == "orb-relay"
    assert manifest.rules["beacon"].kibana is not None
    assert manifest.rules["beacon"].kibana.query == 'event.category : "network"\n'
    assert manifest.rules["beacon"].kibana.data == ("endpoint.events.network",)
    assert "data" not in manifest.rules["beacon"].kibana.fields
    assert manifest.categories["irc_servers"] == Category(
        name="irc_servers",
        title="IRC servers",
        description="Public IRC servers.",
        kinds=(ValueKind.IP,),
        direction="outbound",
        ports=(6667, 6697),
        kibana={"ip": "destination.ip", "host": "host.name", "process": "process.name", "port": "destination.port"},
        sentinel={"ipv4": "AllowedIrc", "ipv6": "AllowedIrcIPv6", "ports": "IrcPorts", "scoped": "ScopedIrc"},
        location=Location("rules/allowlists.yaml", 2, 3),
    )


def test_a_tenant_is_read_with_canonical_entries(root: Path) -> None:
    acme, globex = load(root, "test").tenants

    assert acme == Tenant(
        name="acme",
        targets=(
            KibanaTarget(
                tenant="acme",
                name="kibana",
                location=Location(ACME, 2, 3),
                url="https://kb.acme.example",
                space="acme",
                credential="acme-kibana",
            ),
            SentinelTarget(
                tenant="acme",
                name="sentinel",
                location=Location(ACME, 3, 3),
                subscription_id="11111111-2222-4333-8444-555555555555",
                resource_group="rg",
                workspace="law-acme",
                credential="acme-azure",
            ),
        ),
        datasets={"endpoint.events.network": ()},
        tables=("DeviceNetworkEvents", "CommonSecurityLog"),
        allowlists={
            "irc_servers": (
                Entry(
                    category="irc_servers",
                    value="192.0.2.0/24",
                    kind=ValueKind.IP,
                    reason="Support channel",
                    owner="jo",
                    location=Location(ACME, 14, 7),
                    ports=(6697,),
                ),
                Entry(
                    category="irc_servers",
                    value="2001:db8::1",
                    kind=ValueKind.IP,
                    reason="Support channel",
                    owner="jo",
                    location=Location(ACME, 15, 7),
                    expires="2027-01-31T11:00:00Z",
                ),
            ),
            "vendors": (
                Entry(
                    category="vendors",
                    value="telemetry.vendor.example",
                    kind=ValueKind.DOMAIN,
                    reason="Agents",
                    owner="jo",
                    location=Location(ACME, 17, 7),
                    reviewed="2026-11-01",
                ),
            ),
        },
        overlay={},
        location=Location(ACME, 1, 1),
    )
    assert globex.datasets == {"endpoint.events.network": ("globex:logs-*",)}


def test_an_environment_is_read_with_its_credentials_and_usual_limits(root: Path) -> None:
    environment = load(root, "test").environment

    assert (environment.name, environment.owner, environment.rules) == ("test", "tests", ("*",))
    assert environment.limits == Limits()
    assert environment.require == ("present", "equal", "enabled")
    assert environment.credentials["acme-azure"] == Credential(
        name="acme-azure",
        type="client_secret",
        source="command",
        reference=("pass", "show", "acme/azure"),
        hosts=("management.azure.com",),
        location=Location("environments/test/environment.yaml", 6, 3),
        tenant_id="11111111-1111-4111-8111-111111111111",
        client_id="11111111-1111-4111-8111-11111111aaaa",
        tenants=("acme",),
    )
    assert environment.credentials["lighthouse"].source == ""


def test_an_unknown_environment_cannot_start_and_the_known_ones_are_named(root: Path) -> None:
    with pytest.raises(CannotStart, match=r"^no environment 'tset'; did you mean 'test'\?; known: test$"):
        load(root, "tset")
    with pytest.raises(CannotStart):
        load(root, "../environments/test")
    assert [finding.code for finding in inspect(root, "tset")] == ["unknown-environment"]


def test_a_root_without_environments_is_said_to_be_the_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="is --root the right folder"):
        load(tmp_path, "test")
    assert [finding.code for finding in inspect(tmp_path)] == ["no-environments", "missing"]


def test_faults_of_a_tenant_stop_that_tenant_only(root: Path) -> None:
    shutil.copytree(CASES / "a-tenant-with-ten-faults", root, dirs_exist_ok=True)

    manifest = load(root, "test")

    assert [tenant.name for tenant in manifest.tenants] == ["globex"]
    assert list(manifest.broken_tenants) == ["acme"]
    assert manifest.broken_tenants["acme"] == manifest.findings
    assert len(manifest.findings) == 10


def test_tenants_that_share_a_target_are_all_stopped(root: Path) -> None:
    """Which of them is right, nobody here can tell."""
    shutil.copytree(CASES / "targets-shared", root, dirs_exist_ok=True)

    manifest = load(root, "test")

    assert manifest.tenants == ()
    assert sorted(manifest.broken_tenants) == ["acme", "globex"]


@pytest.mark.parametrize(
    "case",
    ["queries-that-are-missing", "rule-folders-without-a-rule", "credentials-written-wrongly", "categories-unreadable"],
)
def test_faults_of_rules_and_environment_stop_the_run_with_every_finding(root: Path, case: str) -> None:
    shutil.copytree(CASES / case, root, dirs_exist_ok=True)

    with pytest.raises(InvalidManifest) as refused:
        load(root, "test")

    assert refused.value.findings == inspect(root, "test", today=TODAY)


def test_remarks_do_not_stop_anything(root: Path) -> None:
    shutil.copytree(CASES / "stray-files", root, dirs_exist_ok=True)

    manifest = load(root, "test")

    assert {finding.severity for finding in manifest.findings} == {Severity.WARNING}
    assert len(manifest.tenants) == 2


def test_a_rule_file_that_leads_nowhere_is_no_deleted_rule(root: Path) -> None:
    (root / "rules/relay/rule.yaml").unlink()
    (root / "rules/relay/rule.yaml").symlink_to("gone.yaml")

    with pytest.raises(InvalidManifest) as refused:
        load(root, "test")

    assert [(finding.code, str(finding.location)) for finding in refused.value.findings] == [
        ("no-rule", "rules/relay:1:1"),
        ("unreadable", "rules/relay/rule.yaml:1:1"),
    ]


def test_a_rule_folder_that_leads_nowhere_is_no_deleted_rule(root: Path) -> None:
    (root / "rules/gone").symlink_to("nowhere")

    with pytest.raises(InvalidManifest):
        load(root, "test")


def test_a_file_outside_the_repository_is_not_read(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("PLANTED-SECRET")
    (root / "rules/relay/sentinel.kql").unlink()
    (root / "rules/relay/sentinel.kql").symlink_to(outside)

    with pytest.raises(InvalidManifest) as refused:
        load(root, "test")

    assert [finding.code for finding in refused.value.findings] == ["outside-root"]


def test_a_file_name_that_a_terminal_could_obey_is_refused_and_not_shown(root: Path) -> None:
    (root / "rules/\x1b[31m").mkdir()

    with pytest.raises(InvalidManifest) as refused:
        load(root, "test")

    assert "\x1b" not in str(refused.value)


def test_no_rules_at_all_is_an_error(root: Path) -> None:
    """Else every rule would be planned for deletion."""
    for folder in ("beacon", "relay"):
        shutil.rmtree(root / "rules" / folder)

    assert ("no-rules", "rules") in {
        (each.code, each.location.path) for each in inspect(root) if each.location is not None
    }


def test_trusted_hosts_from_outside_win(root: Path) -> None:
    manifest = load(root, "test", trusted_hosts=["KB.acme.example", "management.azure.com"])

    assert manifest.environment.trusted_hosts == ("kb.acme.example", "management.azure.com")
    assert [tenant.name for tenant in manifest.tenants] == ["acme"]
    [untrusted] = manifest.broken_tenants["globex"]
    assert untrusted.code == "untrusted-host"
    assert "(DEPLOYER_TRUSTED_HOSTS, which wins over environment.yaml: kb.acme.example, management" in untrusted.message


def test_a_tenants_file_that_leads_nowhere_stops_that_tenant_only(root: Path) -> None:
    (root / "environments/test/tenants/initech.yaml").symlink_to("gone.yaml")
    (root / "environments/test/tenants/hooli.YML").symlink_to("gone.yaml")
    (root / "environments/test/tenants/umbrella.yaml").mkdir()
    (root / "environments/test/tenants/notes.txt").symlink_to("gone.txt")

    manifest = load(root, "test")

    assert [tenant.name for tenant in manifest.tenants] == ["acme", "globex"]
    assert {name: [each.code for each in said] for name, said in manifest.broken_tenants.items()} == {
        "initech": ["unreadable"],
        "hooli.YML": ["unreadable"],
        "umbrella": ["unreadable"],
    }
    assert [each.code for each in manifest.findings if each.severity is Severity.WARNING] == ["stray-file"]


def test_the_ambient_identity_serves_where_no_credential_is_declared(root: Path) -> None:
    (root / "environments/test/environment.yaml").write_text("owner: o\ntrusted_hosts: [management.azure.com]\n")
    shutil.copytree(CASES / "targets-without-a-credential", root, dirs_exist_ok=True)

    codes = {(each.code, each.location) for each in load(root, "test").broken_tenants["acme"]}

    assert "no-credential" not in {code for code, _ in codes}
    assert not {code for code, where in codes if where is not None and where.line == 2}


def test_the_clock_changes_nothing_that_is_planned(root: Path) -> None:
    shutil.copytree(CASES / "entries-past-their-day", root, dirs_exist_ok=True)

    manifest = load(root, "test")

    assert [each.code for each in inspect(root, "test", today=TODAY)] == ["expired-entry"] * 2 + ["reviewed-later"]
    assert [each.code for each in inspect(root, "test", today=date(2026, 11, 20))] == ["reviewed-later"] * 2
    assert len(inspect(root, "test")) >= 2
    assert manifest.findings == ()
    assert len(manifest.tenants[0].allowlists["irc_servers"]) == 5


def test_trusted_hosts_from_outside_are_checked(root: Path) -> None:
    with pytest.raises(InvalidManifest, match="DEPLOYER_TRUSTED_HOSTS: '\\*' may hold \\* only"):
        load(root, "test", trusted_hosts=["*"])


def test_no_trusted_host_at_all_stops_every_target_but_the_emulator(root: Path) -> None:
    manifest = load(root, "test", trusted_hosts=[])

    assert manifest.tenants == ()


@pytest.mark.parametrize(("cloud", "host"), [("usgov", "usgovcloudapi.net"), ("china", "chinacloudapi.cn")])
def test_the_cloud_of_a_credential_says_where_it_goes(root: Path, cloud: str, host: str) -> None:
    file = root / "environments/test/environment.yaml"
    file.write_text(
        file.read_text().replace("    type: client_secret\n", f"    type: client_secret\n    cloud: {cloud}\n")
    )

    [unbound, untrusted] = load(root, "test").broken_tenants["acme"]

    assert (unbound.code, untrusted.code) == ("unbound-host", "untrusted-host")
    assert f"management.{host}" in unbound.message


def test_windows_line_ends_change_nothing(root: Path) -> None:
    before = load(root, "test")
    for file in root.rglob("*.*"):
        if file.is_file():
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    after = load(root, "test")

    assert (after.rules, after.categories, after.tenants) == (before.rules, before.categories, before.tenants)


FILES = ("rules/allowlists.yaml", "rules/beacon/rule.yaml", "environments/test/environment.yaml", ACME)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 100_000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "*", "\0", "192.0.2.1/8", "https://u:p@h/?x#y", "[", "../../x", "kibana", "T1.1", "x" * 5000, "\x1b[31m"]
    ),
    st.text(max_size=5),
    st.lists(st.one_of(st.none(), st.integers(0, 5), st.text(max_size=3), st.just({})), max_size=2),
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.text(max_size=3)), max_size=2),
)


def parts(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of everything in `value`."""
    inner: Mapping[Any, Any] = (
        value if isinstance(value, dict) else dict(enumerate(value if isinstance(value, list) else []))
    )
    return [path, *(each for key, item in inner.items() for each in parts(item, (*path, key)))]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(FILES), junk=JUNK)
def test_one_wrong_value_anywhere_is_a_finding_and_never_an_exception(
    root: Path, data: st.DataObject, name: str, junk: object
) -> None:
    file, sound = root / name, (CASES / "sound" / name).read_bytes()
    document, _ = parse(sound, name)
    assert document is not None
    path = data.draw(st.sampled_from(parts(document.value)[1:]))
    around: Any = document.value
    for key in path[:-1]:
        around = around[key]
    around[path[-1]] = junk
    file.write_text(json.dumps(document.value))

    findings = inspect(root, "test", today=TODAY)

    assert loaded_findings(root) == findings
    assert "\x1b" not in "".join(map(str, findings))
    file.write_bytes(sound)


def loaded_findings(root: Path) -> tuple[Finding, ...]:
    try:
        return load(root, "test").findings
    except InvalidManifest as refused:
        return refused.findings
