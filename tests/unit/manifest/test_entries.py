"""What the cases do not show of a tenant's entries."""

import shutil
from pathlib import Path

from deployer.manifest.load import load

CASES = Path(__file__).parents[2] / "cases" / "manifest"


def test_an_entry_that_names_most_of_all_ports_is_refused(tmp_path):
    """The half of them is taken, one more is not."""
    shutil.copytree(CASES / "sound", tmp_path, dirs_exist_ok=True)
    entries = "".join(
        f"    - {{value: 192.0.2.{most % 256}, ports: {list(range(1, most + 1))}, reason: r, owner: o}}\n"
        for most in (32767, 32768)
    )
    (tmp_path / "environments/test/tenants/acme.yaml").write_text(f"""\
targets: {{kibana: {{platform: kibana, emulator: true}}}}
data_sources: {{kibana: {{endpoint.events.network: []}}}}
allowlists:
  vendors:
{entries}""")

    (found,) = load(tmp_path, "test").broken_tenants["acme"]

    assert (found.code, found.location and found.location.line) == ("too-wide", 6)
    assert found.message == (
        "`allowlists.vendors[1]` names 32768 of 65535 ports, which is as good as every port: "
        "name the few that are meant"
    )
