"""Edits of YAML by commands: exactly what was meant changes, and everything else stays as it was written."""

import copy
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.errors import CannotEdit
from deployer.manifest import edit
from deployer.manifest.document import Path as Place
from deployer.manifest.yaml import parse
from deployer.state import as_json

TEXTS = st.sampled_from(
    [
        "a b",
        "x: y",
        "no",
        "2020-01-01",
        "",
        "# c",
        "it's",
        'ab"c',
        "- a",
        "[",
        "{x",
        "*",
        "&a",
        "!t",
        "|",
        ">",
        "%",
        "@",
    ]
) | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
BLOCKS = st.lists(st.sampled_from(["", " a", "b # c", "c: d", "  - e", "\tf", "g ", "'h", "```"]), max_size=5).map(
    "\n".join
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.just(3.5), TEXTS, BLOCKS)
KEYS = st.sampled_from(["a", "b1", "c-d", "e.f", "g*", "no", "x y", "1", "it's"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)


def value(text: str) -> Any:
    document, findings = parse(text.encode(), "f")
    assert document is not None
    assert not findings
    return document.value


def places(node: Any, path: Place = ()) -> list[Place]:
    inner = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def at(node: Any, path: Place) -> Any:
    for step in path:
        node = node[step]
    return node


def put(node: Any, path: Place, new: Any, count: int) -> Any:
    """The same with something else at `path`, by other means than those of `edit`; a list is cut to `count` items."""
    copied = copy.deepcopy(node)
    parent = at(copied, path[:-1])
    if path[-1] == -1:
        del parent[count:]
    else:
        parent[path[-1]] = new
    return copied


def difference(before: str, after: str) -> list[str]:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return [line for line in lines if not line.startswith("@@")]


@pytest.fixture
def tenant(repo_root: Path) -> str:
    return (repo_root / "environments/demo/tenants/acme.yaml").read_text()


@settings(max_examples=400, deadline=None)
@given(document=DOCUMENTS, new=VALUES, data=st.data(), style=st.sampled_from([None, False, True]))
def test_an_edit_does_what_it_says_or_refuses(document: Any, new: Any, data: st.DataObject, style: bool | None) -> None:
    text = yaml.dump(document, Dumper=yaml.SafeDumper, default_flow_style=style, sort_keys=False, allow_unicode=True)
    read, findings = parse(text.encode(), "f")
    if read is None or findings:
        return
    path = data.draw(st.sampled_from(places(read.value)[1:]))
    inner = at(read.value, path)
    below: list[Place] = [path]
    below += [(*path, "new")] if isinstance(inner, dict) else [(*path, -1)] if isinstance(inner, list) else []
    where = data.draw(st.sampled_from(below))

    try:
        changed = edit.change(text, "f", where, new)
    except CannotEdit:
        return
    found = at(value(changed), where)
    assert as_json(found) == as_json(new)
    assert (
        edit.change(
            changed, "f", (*where[:-1], -1 if where[-1] == -1 else where[-1])[:-1], at(value(changed), where[:-1])
        )
        == changed
    )


@settings(max_examples=300, deadline=None)
@given(document=DOCUMENTS, data=st.data(), style=st.sampled_from([None, False, True]))
def test_what_is_taken_out_is_gone_and_nothing_else(document: Any, data: st.DataObject, style: bool | None) -> None:
    text = yaml.dump(document, Dumper=yaml.SafeDumper, default_flow_style=style, sort_keys=False, allow_unicode=True)
    read, findings = parse(text.encode(), "f")
    if read is None or findings:
        return
    path = data.draw(st.sampled_from(places(read.value)[1:]))

    try:
        changed = edit.remove(text, "f", path)
    except CannotEdit:
        return
    before, after = at(read.value, path[:-1]), at(value(changed), path[:-1])
    if isinstance(before, list):
        index = int(path[-1])
        assert after == [*before[:index], *before[index + 1 :]]
    else:
        assert after == {key: each for key, each in before.items() if key != path[-1]}


def test_nearly_everything_can_be_edited() -> None:
    """The refusal is there for what nobody writes, not for what everybody does."""
    done, refused = 0, 0

    @settings(max_examples=300, deadline=None, database=None)
    @given(document=DOCUMENTS, new=VALUES, data=st.data())
    def count(document: Any, new: Any, data: st.DataObject) -> None:
        nonlocal done, refused
        text = yaml.dump(document, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True)
        read, findings = parse(text.encode(), "f")
        if read is None or findings:
            return
        try:
            edit.change(text, "f", data.draw(st.sampled_from(places(read.value)[1:])), new)
            done += 1
        except CannotEdit:
            refused += 1

    count()

    assert refused <= done // 20


def test_a_value_is_changed_in_its_place(tenant: str) -> None:
    changed = edit.change(tenant, "f", ("overlay", "t1584.005-botnet-node", "kibana", "threshold", "value"), 55)

    assert difference(tenant, changed) == ["-      threshold: {value: 40}", "+      threshold: {value: 55}"]


def test_a_key_is_put_beside_the_others(tenant: str) -> None:
    changed = edit.change(tenant, "f", ("overlay", "t1584.005-botnet-node", "kibana", "severity"), "low")

    assert difference(tenant, changed) == ["+      severity: low"]


def test_mappings_on_the_way_are_made(tenant: str) -> None:
    path = ("overlay", "t1583.005-orb-relay", "sentinel", "parameters", "MinRelayEvents")

    changed = edit.change(tenant, "f", path, 9)

    assert difference(tenant, changed) == [
        "+  t1583.005-orb-relay:",
        "+    sentinel:",
        "+      parameters: {MinRelayEvents: 9}",
    ]


def test_an_item_is_put_at_the_end_of_its_list(tenant: str) -> None:
    entry = {"value": "192.0.2.1", "reason": "x: y", "owner": "me"}

    changed = edit.change(tenant, "f", ("allowlists", "proxies", -1), entry)

    assert difference(tenant, changed) == ["+    - value: 192.0.2.1", "+      reason: 'x: y'", "+      owner: me"] or (
        difference(tenant, changed) == ["+    - {value: 192.0.2.1, reason: 'x: y', owner: me}"]
    )


def test_the_last_item_leaves_an_empty_list(tenant: str) -> None:
    changed = edit.remove(tenant, "f", ("allowlists", "proxies", 0))

    assert value(changed)["allowlists"]["proxies"] == []
    assert "+  proxies: []" in difference(tenant, changed)


def test_a_query_is_written_as_one_reads_it(tenant: str) -> None:
    query = 'let A = 1;\n\nDeviceNetworkEvents // all: of it\n| where B == "\'"\n    | take A\n'

    changed = edit.change(tenant, "f", ("overlay", "t1584.005-botnet-node", "sentinel", "query"), query)

    assert difference(tenant, changed) == [
        "+      query: |",
        "+        let A = 1;",
        "+",
        "+        DeviceNetworkEvents // all: of it",
        '+        | where B == "\'"',
        "+            | take A",
    ]
    again = edit.change(changed, "f", ("overlay", "t1584.005-botnet-node", "sentinel", "query"), "x\ny")
    assert difference(tenant, again) == ["+      query: |-", "+        x", "+        y"]


@pytest.mark.parametrize(
    "text", [" a\nb", "\na\nb", "a\n\n", "\ta\nb", "a\x00\nb", "a\x85b\nc", "a\u2028b\nc", "😀\n\x07"]
)
def test_a_text_that_no_block_holds_is_quoted(text: str) -> None:
    changed = edit.change("a: 1\n", "f", ("b",), text)

    assert value(changed) == {"a": 1, "b": text}
    assert "|" not in changed


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    text = "\ufeffa: 1 # one\r\nb:\r\n  c: |\r\n    x\r\n    y\r\n"

    changed = edit.change(text, "f", ("b", "d"), "p\nq\n")

    assert changed == "\ufeffa: 1 # one\r\nb:\r\n  c: |\r\n    x\r\n    y\r\n  d: |\r\n    p\r\n    q\r\n"


def test_comments_stay_where_they_are() -> None:
    text = "# top\na: # of a\n  # above b\n  b: 1 # of b\n\n  # above c\n  c: [1, 2] # of c\n# end\n"

    changed = edit.change(text, "f", ("a", "b"), 2)
    changed = edit.change(changed, "f", ("a", "c", -1), 3)
    changed = edit.change(changed, "f", ("a", "d", "e"), "x")

    assert changed == (
        "# top\na: # of a\n  # above b\n  b: 2 # of b\n\n  # above c\n  c: [1, 2, 3] # of c\n  d: {e: x}\n# end\n"
    )


def test_what_cannot_be_edited_says_what_to_write() -> None:
    """A block that keeps the empty lines behind it would lose them to what comes after."""
    with pytest.raises(CannotEdit) as caught:
        edit.change("a:\n  - |+\n    p\n\n\n", "f", ("a", -1), "x\ny\n")

    assert str(caught.value).startswith("f: a.-1 cannot be edited")
    assert str(caught.value).endswith("\n  a:\n    - |\n      x\n      y")


def test_a_file_that_cannot_be_read_is_not_edited() -> None:
    with pytest.raises(CannotEdit, match="a second time"):
        edit.change("a: 1\na: 2\n", "f", ("b",), 1)


def test_the_lines_to_put_in_by_hand_stand_under_their_keys() -> None:
    assert edit.lines(("overlay", "a", "kibana", "threshold"), {"value": 1}) == [
        "overlay:",
        "  a:",
        "    kibana:",
        "      threshold: {value: 1}",
    ]
