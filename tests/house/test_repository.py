"""What may lie in the repository, and what goes into a wheel."""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

LOCKS = {"requirements.lock", "requirements-dev.lock"}
BYTES_OF_A_FILE = 100_000

# Bracketed so that the patterns do not find themselves.
NAMES_A_MACHINE = re.compile(r"/(?:wor[k]|roo[t])/|/tm[p]/[^\s\"']*(?:venv|site-packages|pytest-of|pip-)|fil[e]:///\w")
NAMES_A_REGISTRY = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.(?:org|com)|(?:extra-)?inde[x]-url")
IS_OF_OTHERS = re.compile(r"^\W*Copyrigh[t] |Licensed unde[r] |\"swagge[r]\":|^openap[i]: |^\W*\"openap[i]\":", re.M)


def test_no_file_names_a_machine_or_a_registry(tracked: list[Path], repo_root: Path) -> None:
    found = [
        f"{file.relative_to(repo_root)}: {match.group()}"
        for file in tracked
        for pattern in (NAMES_A_MACHINE, NAMES_A_REGISTRY)
        for match in pattern.finditer(_text(file))
    ]

    assert found == []


def test_no_file_is_the_text_of_others(tracked: list[Path], repo_root: Path) -> None:
    """Neither third-party code nor a vendor's description; ours carries no notice, and is never that long."""
    files = [file for file in tracked if file.name != "LICENSE" and file.name not in LOCKS]
    suspects = [file for file in files if IS_OF_OTHERS.search(_text(file)) or file.stat().st_size > BYTES_OF_A_FILE]

    assert [str(file.relative_to(repo_root)) for file in suspects] == []


def test_no_file_is_a_copy_of_a_vendors(tracked: list[Path], repo_root: Path, shared: Path) -> None:
    """The vendors' descriptions and samples stay beside the checkout."""
    theirs = {_digest(file) for file in shared.rglob("*") if file.is_file() and file.stat().st_size}

    assert [str(file.relative_to(repo_root)) for file in tracked if _digest(file) in theirs] == []


def test_a_wheel_holds_every_file_of_the_package(tracked: list[Path], repo_root: Path, tmp_path: Path) -> None:
    """Schemas and column lists too."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(build, cwd=repo_root, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
    [wheel] = tmp_path.glob("*.whl")

    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    package = repo_root / "deployer"
    kept = {file.relative_to(repo_root).as_posix() for file in tracked if file.is_relative_to(package)}
    assert (sorted(kept - packed), sorted(packed - kept)) == ([], [])


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
