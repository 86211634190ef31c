"""What Azure answers that nobody documents: never taken for a whole list, never a fault of ours."""

import pytest

from deployer.errors import BadAnswer
from tests import make

LIST = "alertRules$"


@pytest.mark.parametrize("status", [202, 206])
def test_half_a_list_is_not_a_list(sentinel, status):
    sentinel.apply(sentinel.assignment())
    sentinel.emulator.fault(path=LIST, status=status, body={"value": []})

    with pytest.raises(BadAnswer, match=f"{status}, which is not a whole answer"):
        sentinel.read(sentinel.assignment())


@pytest.mark.parametrize("link", ["http://[x", "https://host:99999/", "/relative", 5])
def test_a_next_page_without_an_address_is_a_bad_answer(sentinel, link):
    sentinel.emulator.fault(path=LIST, status=200, body={"value": [], "nextLink": link})

    with pytest.raises(BadAnswer, match="leads to no next page"):
        sentinel.read(sentinel.assignment())


@pytest.mark.parametrize("asked", ["soon", "Wed, 99 Foo 2026 99:99:99 GMT", "-5", "99999999999999999999-01-01"])
def test_a_wait_that_makes_no_sense_does_not_cost_the_target(sentinel, asked):
    sentinel.emulator.fault(path=LIST, status=429, headers={"Retry-After": asked}, times=1)

    assert sentinel.read(sentinel.assignment(make.rule())).resources == {}
