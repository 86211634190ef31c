"""A service that takes so many requests in a while is sent no more, and nobody waits without need."""

import threading

import pytest

from deployer.providers.pacing import Slots


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_what_is_too_much_for_a_while_waits_until_the_oldest_is_over() -> None:
    clock = Clock()
    slots = Slots(2, 3, 30.0, clock=lambda: clock.now, sleep=clock.sleep)
    begun = []

    for _ in range(5):
        with slots:
            begun.append(clock.now)
        clock.now += 4

    assert begun == [0, 4, 8, 30, 34]
    assert clock.slept == [18, 0]


def test_a_wait_that_is_broken_off_gives_its_slot_back() -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    slots = Slots(1, 1, 30.0, sleep=interrupted)
    with slots:
        pass
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), slots:
            pass


def test_no_more_are_in_at_once_than_may_be() -> None:
    slots = Slots(1, 10, 30.0)
    entered = threading.Event()

    def enter() -> None:
        with slots:
            entered.set()

    other = threading.Thread(target=enter)
    with slots:
        other.start()
        assert not entered.wait(0.05)
    other.join(5)
    assert entered.is_set()
