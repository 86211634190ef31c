"""The canonical form is pinned: live marks hold digests of it, so another form needs another format of the mark."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployer.providers.kibana import codec as kibana
from deployer.providers.kibana import value_lists
from deployer.providers.sentinel import codec as sentinel
from deployer.providers.sentinel import watchlist
from deployer.state import FORMAT
from deployer.state import DesiredState
from deployer.state import Resource

CASES = Path(__file__).parent.parent.parent / "cases/canonical"
DOCUMENTS = sorted(file for file in CASES.glob("*.json") if file.name != "digests.json")


def decoded(name: str, document: Any) -> Resource:
    desired = DesiredState("soc", "test", {})
    match name.split("-")[:2]:
        case ["kibana", "rule"]:
            return kibana.decode_rule(document, desired, frozenset({"deployer-servers"}))
        case ["kibana", "list"]:
            return kibana.decode_list(document, desired)
        case ["kibana", "item"]:
            return kibana.decode_item(document, desired)
        case ["kibana", "value"]:
            return value_lists.decode(document["list"], document["items"], desired)
        case ["kibana", "data"]:
            return kibana.decode_data_view(document, desired)
        case ["sentinel", "watchlist"]:
            items = [watchlist.item(one) for one in document["items"]]
            return watchlist.decode(document["watchlist"], items, desired)
        case _:
            return sentinel.decode(document, desired)


def test_the_canonical_form_of_every_kind_of_object_is_pinned(golden):
    """If this fails, either the change is a mistake, or it needs a new `state.FORMAT`: a digest in a mark that was
    written before would no longer be that of what was written, and every rule would be shown as drift or both."""
    found = {file.stem: decoded(file.stem, json.loads(file.read_text())).digest for file in DOCUMENTS}

    golden(CASES / "digests.json", json.dumps({"format": FORMAT, "digests": found}, indent=2) + "\n")


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_the_body_that_was_written_is_the_one_that_its_mark_speaks_of(file):
    """The mark in each document was written with it, by the version that wrote the document."""
    found = decoded(file.stem, json.loads(file.read_text()))

    assert f":{found.digest}" in str(found.mark)
