"""An entry that is added and removed again leaves the file as it was, byte for byte, whatever stands around it."""

import os
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.allowlist.adding import add
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.removing import Sought
from deployer.allowlist.removing import remove
from deployer.allowlist.wanted_entries import WantedEntry
from tests.allowing import repository

EXAMPLES = int(os.environ.get("EXAMPLES", "12"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEAD = """\
targets:
  kibana: {platform: kibana, emulator: true, space: acme}
data_sources:
  kibana: {events: []}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = repository(tmp_path_factory.mktemp("edits"))
    (made / "environments/site/tenants/globex.yaml").unlink()
    return made


def notes(indent: int) -> st.SearchStrategy[str]:
    """Lines of comments, blank ones among them."""
    line = st.sampled_from([f"{' ' * indent}# a note: {{with}} - signs\n", f"{' ' * (indent + 2)}# further in\n", "\n"])
    return st.lists(line, max_size=2).map("".join)


@st.composite
def entries(draw: st.DrawFn, indent: int) -> str:
    """A list of entries in one of the ways that people write them."""
    space, text = " " * indent, ""
    for number in range(draw(st.integers(1, 3))):
        text += draw(notes(indent))
        value = f"198.51.100.{number}"
        if draw(st.booleans()):
            text += f"{space}- {{value: {value}, reason: R, owner: o}}{draw(st.sampled_from(['', '   # why']))}\n"
            continue
        reason = draw(st.sampled_from(["R   # why", '"R # none"', ">-\n" + space + "    R\n" + space + "    # none"]))
        text += f"{space}- value: {value}\n{space}  reason: {reason}\n{space}  owner: o\n"
    return text + draw(notes(indent))


@st.composite
def files(draw: st.DrawFn) -> str:
    """A tenant's file: with the category, with another one, or without any; with something behind it or not."""
    indent = draw(st.sampled_from([2, 4]))
    text = HEAD + draw(notes(0))
    kind = draw(st.sampled_from(["own", "flow", "other", "none"]))
    if kind == "own":
        key = draw(st.sampled_from(["  servers:", "  servers:   # ours"]))
        text += f"allowlists:\n{draw(notes(2))}{key}\n{draw(entries(indent))}"
    elif kind == "flow":
        text += "allowlists:\n  servers: [{value: 198.51.100.0, reason: R, owner: o}]   # ours\n"
    elif kind == "other":
        text += f"allowlists:\n  names:\n    - {{value: a.example, reason: R, owner: o}}\n{draw(notes(2))}"
    if draw(st.booleans()):
        text += f"{draw(notes(0))}overlay:\n  both: {{severity: low}}   # tuned\n"
    return text + draw(notes(0))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=files(), scoped=st.booleans(), windows=st.booleans(), marked=st.booleans())
def test_added_and_removed_is_as_it_was(root: Path, text: str, scoped: bool, windows: bool, marked: bool) -> None:
    file = root / "environments/site/tenants/acme.yaml"
    written = text.replace("\n", "\r\n") if windows else text
    before = (("\ufeff" if marked else "") + written).encode()
    file.write_bytes(before)
    wanted = WantedEntry("192.0.2.9", hosts=("a", "b") if scoped else (), reason="It's # known: yes", owner="o")

    added = add(Checkout.of(root, "site"), "acme", "servers", wanted, NOW)
    assert (added.refusals, added.written) == ((), True)
    between = Checkout.of(root, "site").manifest.tenants[0].allowlists["servers"]
    removed = remove(Checkout.of(root, "site"), "acme", Sought("192.0.2.9"))

    assert [(one.value, one.hosts, one.reason) for one in between if one.value == "192.0.2.9"] == [
        ("192.0.2.9", wanted.hosts, "It's # known: yes")
    ]
    assert (removed.refusals, removed.written) == ((), True)
    assert file.read_bytes().decode() == before.decode()
