"""What of a KQL query is code, and where it stands."""

import pytest

from deployer import queries


def test_comments_and_strings_are_blanked_where_they_stood():
    query = "A // b\n| where C == \"d e\" and F != @'g'\n```h\ni``` j"
    blank = "A     \n| where C ==       and F !=     \n    \n     j"

    assert queries.code(query) == blank


@pytest.mark.parametrize(("offset", "place"), [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (5, (2, 3))])
def test_a_place_counts_lines_and_columns_from_one(offset, place):
    assert queries.place("ab\ncd\n", offset) == place
