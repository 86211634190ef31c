"""Microsoft's analyser for the tests that need it. `make test` installs it; a machine of CI must have it."""

import os
from functools import cache
from pathlib import Path

import pytest

from deployer.engines import analyser
from deployer.engines.analyser import Analyser

# Read once, as the shell has them: no test sees them.
_IN_CI = bool(os.environ.get("CI"))
_FOLDER = analyser.find()


def folder() -> Path:
    """Where it is; a test that asks skips, or fails in CI, where it is not."""
    if _FOLDER is None:
        words = "Microsoft's analyser is not installed: run `make analyser`"
        if _IN_CI:
            pytest.fail(words)
        pytest.skip(words)
    return _FOLDER


def loaded() -> Analyser:
    """The analyser, loaded once for all tests of the process."""
    return _load(folder())


@cache
def _load(folder: Path) -> Analyser:
    return Analyser(folder)
