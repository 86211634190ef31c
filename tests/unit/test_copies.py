"""A copy of a process gives what it worked out, or is known to have given nothing. Each in a process of one thread."""

import subprocess
import sys

import pytest

from deployer.copies import possible

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

HEAD = """
import os, signal, threading, time
from deployer.copies import Copy, Gone, possible
stopped = threading.Event()
assert possible()
"""


def said(program: str) -> str:
    ran = subprocess.run([sys.executable, "-c", HEAD + program], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_copy_gives_its_result_and_prints_nothing_twice():
    program = "print('once')\ncopy = Copy(lambda: ['x' * 3_000_000, os.getpid()], stopped.set)\n"
    told = said(program + "text, process = copy.result()\nprint(len(text), process != os.getpid())")

    assert told == "once\n3000000 True\n"


def test_what_goes_wrong_in_a_copy_is_raised_here():
    program = "def work():\n  raise LookupError('no')\ncopy = Copy(work, stopped.set)\n"

    assert said(program + "try:\n  copy.result()\nexcept LookupError as error:\n  print(error)") == "no\n"


def test_a_copy_that_is_killed_has_given_nothing():
    program = "copy = Copy(lambda: time.sleep(60), stopped.set)\ncopy.kill()\n"

    told = said(program + "try:\n  copy.result()\nexcept Gone as error:\n  print(error)")
    assert told == "the process that looked at it ended with -9\n"


def test_a_copy_that_is_asked_to_stop_ends_with_a_result_and_hears_no_interrupt():
    program = "copy = Copy(lambda: stopped.wait(60), stopped.set)\ntime.sleep(0.2)\n"
    program += "os.kill(copy._process, signal.SIGINT)\ncopy.stop()\n"

    assert said(program + "print(copy.result())") == "True\n"


def test_a_process_with_several_threads_is_not_copied(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threading.active_count", lambda: 2)

    assert not possible()


SPREAD = """
from deployer.copies import spread
os.sched_getaffinity = lambda _: {0, 1, 2}
mother = os.getpid()
"""


def test_work_is_shared_out_and_what_comes_of_it_keeps_its_order():
    program = SPREAD + "made = spread(lambda item: (item * item, os.getpid()), range(20), 5)\n"
    told = said(
        program + "print([square for square, _ in made] == [n * n for n in range(20)], len({p for _, p in made}))"
    )

    assert told == "True 3\n"


def test_little_work_is_not_shared_out():
    program = SPREAD + "made = spread(lambda item: os.getpid() == mother, range(9), 5)\n"

    assert said(program + "print(made == [True] * 9)") == "True\n"


def test_what_a_copy_leaves_undone_is_done_all_the_same():
    program = SPREAD + "die = lambda item: item if os.getpid() == mother else os._exit(3)\n"

    assert said(program + "print(spread(die, range(20), 5) == list(range(20)))") == "True\n"


def test_what_goes_wrong_in_shared_work_is_raised_here():
    program = SPREAD + "def work(item):\n  return item if os.getpid() == mother else 1 // 0\n"

    told = said(program + "try:\n  spread(work, range(20), 5)\nexcept ZeroDivisionError as error:\n  print(error)")
    assert told == "integer division or modulo by zero\n"
