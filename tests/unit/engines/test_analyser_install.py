"""Microsoft's analyser comes by the user's own npm, is held against known digests, and lies where it is looked for."""

import json
import shutil
import stat
import sys
from pathlib import Path

import pytest

from deployer.engines import analyser
from deployer.engines.analyser import Analyser
from deployer.errors import CannotStart
from deployer.errors import NotRunnable
from tests import microsoft

NPM = """#!{python}
import json, os, pathlib, shutil, sys
here = pathlib.Path(__file__).parent
(here / "asked.json").write_text(json.dumps(sys.argv[1:]))
if (here / "refusal").exists():
    sys.exit((here / "refusal").read_text())
prefix = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1])
shutil.copytree(here / "package", prefix / "node_modules" / "@kusto" / "language-service-next")
"""


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stand-in for npm, the only program there is; it brings what lies in `package`."""
    place = tmp_path / "bin"
    (place / "package").mkdir(parents=True)
    program = place / "npm"
    program.write_text(NPM.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(place))
    return place


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the analyser is to lie."""
    monkeypatch.setenv(analyser.FOLDER_VARIABLE, str(tmp_path / "kept" / "here"))
    return tmp_path / "kept" / "here"


def test_the_package_is_asked_for_in_one_version_and_without_its_scripts(npm: Path, target: Path) -> None:
    with pytest.raises(CannotStart):
        analyser.install()

    command, *options, package = json.loads((npm / "asked.json").read_text())
    assert (command, package) == ("install", "@kusto/language-service-next@12.4.1")
    assert options[:-1] == ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefix"]


def test_what_npm_brings_is_kept_and_found(npm: Path, target: Path) -> None:
    shutil.copytree(microsoft.folder(), npm / "package", dirs_exist_ok=True)
    (npm / "package" / "index.html").write_text("not needed")

    assert analyser.find() is None
    assert (analyser.install(), analyser.find()) == (target, target)
    assert sorted(file.name for file in target.iterdir()) == ["Kusto.Language.Bridge.min.js", "bridge.min.js"]


def test_other_files_than_those_published_are_not_kept(npm: Path, target: Path) -> None:
    for name in analyser.FILES:
        (npm / "package" / name).write_text("alert(1)")

    with pytest.raises(CannotStart, match=r"^npm fetched something other than .* 12\.4\.1: bridge\.min\.js is not"):
        analyser.install()

    assert (analyser.find(), target.exists()) == (None, False)


def test_a_package_without_the_files_is_not_kept(npm: Path, target: Path) -> None:
    with pytest.raises(CannotStart, match=r"bridge\.min\.js is missing; nothing was installed$"):
        analyser.install()


def test_what_npm_says_is_handed_on(npm: Path, target: Path) -> None:
    (npm / "refusal").write_text("npm error code E404\n\nnpm error 404 Not Found")

    with pytest.raises(CannotStart) as raised:
        analyser.install()

    assert str(raised.value).splitlines() == [
        "npm could not fetch @kusto/language-service-next 12.4.1:",
        "  npm error code E404",
        "  npm error 404 Not Found",
    ]


def test_without_npm_nothing_is_tried(target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CannotStart, match=r"^npm is not installed"):
        analyser.install()


def test_a_folder_that_cannot_be_written_is_said_with_the_way_out(
    npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(microsoft.folder(), npm / "package", dirs_exist_ok=True)
    (tmp_path / "file").touch()
    monkeypatch.setenv(analyser.FOLDER_VARIABLE, str(tmp_path / "file" / "below"))

    with pytest.raises(CannotStart, match=r"Not a directory; set DEPLOYER_ANALYSER to a folder"):
        analyser.install()


def test_a_changed_file_is_neither_found_nor_run(target: Path) -> None:
    shutil.copytree(microsoft.folder(), target)
    assert analyser.find() == target
    with (target / "bridge.min.js").open("a") as file:
        file.write("\n")

    assert analyser.find() is None
    with pytest.raises(NotRunnable, match=r"bridge\.min\.js is not the one of version 12\.4\.1; install it by"):
        Analyser(target)
