"""Faults in files, one folder a kind: `tests/cases/manifest/<what is wrong>/` holds what differs from `sound/`."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from deployer.findings import Severity
from deployer.manifest.load import inspect

CASES = Path(__file__).parents[2] / "cases" / "manifest"
TODAY = date(2026, 11, 21)
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """A root made of the sound manifest with the files of a case over it."""

    def build(name: str) -> Path:
        shutil.copytree(CASES / "sound", tmp_path, dirs_exist_ok=True)
        shutil.copytree(CASES / name, tmp_path, dirs_exist_ok=True)
        return tmp_path

    return build


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_fault_is_said_once_with_its_place(
    folder: Path, case: Callable[[str], Path], golden: Callable[[Path, str], None]
) -> None:
    findings = inspect(case(folder.name), today=TODAY)

    golden(folder / "findings.txt", "".join(f"{finding}\n" for finding in findings))


def test_ten_faults_in_a_tenant_give_ten_findings(case: Callable[[str], Path]) -> None:
    findings = inspect(case("a-tenant-with-ten-faults"), today=TODAY)

    assert len(findings) == 10
    assert {finding.severity for finding in findings} == {Severity.ERROR}
    assert {finding.location.path for finding in findings if finding.location} == {
        "environments/test/tenants/acme.yaml"
    }
    assert len({finding.location for finding in findings}) == 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_finding_shows_what_may_be_a_secret(folder: Path, case: Callable[[str], Path]) -> None:
    said = "".join(map(str, inspect(case(folder.name), today=TODAY)))

    assert "PLANTED-SECRET" not in said
    assert "UExBTlRFRC1TRUNSRVQ" not in said
