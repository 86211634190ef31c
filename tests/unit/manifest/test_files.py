"""Which files count as lying in the repository, whatever links lead to them."""

from pathlib import Path

import pytest

from deployer.manifest import files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository beside a folder that is none of its business."""
    for folder in ("outside", "root/a", "root/b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x").write_text(folder)
    return tmp_path / "root"


def outcome(root: Path, path: str) -> bytes | str:
    data, findings = files.content(root, path)
    assert (data is None) == bool(findings)
    return findings[0].code if data is None else data


def test_a_link_within_the_repository_is_followed(root: Path) -> None:
    (root / "a/link").symlink_to("../b/x")
    (root / "c").symlink_to("b")
    (root.parent / "elsewhere").symlink_to("root")

    assert outcome(root, "a/link") == outcome(root, "c/x") == outcome(root.parent / "elsewhere", "b/x") == b"root/b"


def test_nothing_outside_is_read_through_a_file_a_folder_or_a_step_upwards(root: Path) -> None:
    (root / "a/link").symlink_to("../../outside/x")
    (root / "c").symlink_to("../outside")

    for path in ("a/link", "c/x", "../outside/x", "a/../../outside/x", str(root.parent / "outside/x")):
        assert outcome(root, path) == "outside-root"


def test_what_cannot_be_read_is_not_empty(root: Path) -> None:
    (root / "a/link").symlink_to("nowhere")

    assert [outcome(root, path) for path in ("a/y", "a/link", "y/x")] == ["missing"] * 3
    assert [outcome(root, path) for path in ("a", "a/x/y", "")] == ["unreadable"] * 3


def test_a_folder_is_listed_by_what_its_links_lead_to(root: Path) -> None:
    (root / "a/nowhere").symlink_to("gone")
    (root / "a/circle").symlink_to("circle")
    (root / "a/folder").symlink_to("../b")
    (root / "a/file").symlink_to("x")
    (root / "a/.hidden").write_text("")

    listed = files.listing(root, "a")

    assert (listed.folders, listed.files, sorted(listed.broken)) == (("folder",), ("file", "x"), ["circle", "nowhere"])
