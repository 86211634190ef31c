"""Options that differ are named as they are written on a command line, with what stands on either side."""

import pytest

from tests.cli.test_report_merge import named
from tests.cli.test_report_merge import shards as shards
from tests.cli.test_report_merge import written as written
from tests.cli.test_shards import four as four


@pytest.mark.parametrize(
    ("own", "others", "said"),
    [
        ({"rules": ["*node"]}, {}, "with --rule *node, and the others without --rule"),
        ({}, {"rules": ["a", "b"]}, "without --rule, and the others with --rule a --rule b"),
        ({"wave": "canary"}, {"wave": "rest"}, "with --wave canary, and the others with --wave rest"),
        ({"allow_deletes": 0}, {"allow_deletes": None}, "with --allow-deletes 0, and the others without"),
        (
            {"adopt": True, "tenants": ["a*"]},
            {"adopt": False},
            "with --adopt and with --tenant a*, and the others without --adopt and without --tenant",
        ),
    ],
)
def test_only_the_options_that_differ_are_named_with_both_values(shards, written, own, others, said):
    for file in written:
        shards.edit(file, lambda document: document["asked"].update(others))
    shards.edit(written[1], lambda document: document["asked"].update(own or {"rules": []}))

    done = shards.merge(written)

    assert done.code == 3
    assert f"{written[1]} is asked for {said}" in named(done)["shard-foreign"]


def test_an_option_that_was_not_given_is_the_same_however_it_is_told(shards, written):
    shards.edit(written[1], lambda document: document["asked"].update(adopt=False, wave=None))

    assert "findings" not in shards.merge(written).json
