"""Running a tool of the development environment as a test."""

import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def passes(repo_root: Path) -> Callable[..., None]:
    """Runs a tool in the checkout and fails with everything it said if it found something."""

    def run(tool: str, *arguments: str) -> None:
        program = Path(sysconfig.get_path("scripts")) / tool
        done = subprocess.run(
            [program, *arguments],
            cwd=repo_root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{tool} {' '.join(arguments)}\n{done.stdout}", pytrace=False)

    return run


@pytest.fixture(scope="session")
def tracked(repo_root: Path) -> list[Path]:
    """Every file that is in Git, or would be with `git add --all`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [repo_root / name for name in sorted(set(listed.stdout.split("\0"))) if name]
    return [file for file in files if file.is_file()]
