"""The locks hold what pyproject.toml asks for, and nothing that names a place to fetch it from."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUNNING = "requirements.lock"
DEVELOPING = "requirements-dev.lock"


@pytest.fixture
def project(repo_root: Path) -> dict[str, Any]:
    return tomllib.loads((repo_root / "pyproject.toml").read_text())


def test_the_running_lock_satisfies_the_project(project: dict[str, Any], repo_root: Path) -> None:
    wanted = [*_wanted(project), *_wanted(project, "local")]

    assert _unsatisfied(wanted, repo_root / RUNNING) == []


def test_the_developing_lock_satisfies_every_extra(project: dict[str, Any], repo_root: Path) -> None:
    extras = project["project"]["optional-dependencies"]
    wanted = [*_wanted(project), *(text for extra in extras for text in _wanted(project, extra))]

    assert _unsatisfied(wanted, repo_root / DEVELOPING) == []


def test_what_runs_is_what_was_tested(repo_root: Path) -> None:
    """Every pin of the running lock, with its hashes, stands in the developing one."""
    assert set(_pins(repo_root / RUNNING)) - set(_pins(repo_root / DEVELOPING)) == set()


@pytest.mark.parametrize("lock", [RUNNING, DEVELOPING])
def test_every_pin_has_its_hashes(lock: str, repo_root: Path) -> None:
    """And no line is anything but a pin: no address, no option."""
    pin = re.compile(r"[a-z0-9-]+==[^\s;]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")

    assert [line for line in _pins(repo_root / lock) if not pin.fullmatch(line)] == []


def test_every_version_has_an_upper_bound(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    wanted = [*_wanted(project), *(text for extra in extras for text in _wanted(project, extra))]

    assert [text for text in wanted if not re.search(r"<|==", text)] == []


def _wanted(project: dict[str, Any], extra: str | None = None) -> list[str]:
    if extra is not None:
        return list(project["project"]["optional-dependencies"][extra])
    return [*project["build-system"]["requires"], *project["project"]["dependencies"]]


def _pins(lock: Path) -> list[str]:
    """One line for each pin: the requirement and its hashes."""
    return re.sub(r" *\\\n *", " ", lock.read_text()).splitlines()


def _unsatisfied(wanted: Iterable[str], lock: Path) -> list[str]:
    pins = [Requirement(line.split(" --hash=")[0]) for line in _pins(lock)]
    versions = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}

    def satisfied(requirement: Requirement) -> bool:
        version = versions.get(canonicalize_name(requirement.name))
        return version is not None and requirement.specifier.contains(version, prereleases=True)

    return [text for text in wanted if not satisfied(Requirement(text))]
