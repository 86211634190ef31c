"""Reading the files under the root. What cannot be read is an error that says so, never an absent file."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest.document import Document
from deployer.manifest.schema import needs
from deployer.manifest.schema import validate
from deployer.manifest.wording import shown
from deployer.manifest.yaml import decode
from deployer.manifest.yaml import parse

WORTH_A_COPY = 100
"""So many files take longer to read than a copy of the process takes to make."""
_MOST_PARSED = 256
_BELOW = re.compile(r"([^./\\:][^/\\:]*/)*[^./\\:][^/\\:]*")
"""Names one below the other, none of which leads upwards or, on any system, elsewhere."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds, by kind; hidden names (`.git`, `.DS_Store`) are left out."""

    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Of the folder itself."""
    broken: Mapping[str, Finding] = field(default_factory=dict)
    """Names of what is neither a folder nor a file, with what to say about each."""

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Everything to say, for folders where each fault stops the whole."""
        return (*self.findings, *self.broken.values())


def is_name(text: str) -> bool:
    """Whether a file's name without its ending is one that tenants and shared lists may have."""
    return bool(_NAME.fullmatch(text))


def listing(root: Path, folder: str) -> Listing:
    """The content of `folder`; whatever is neither a folder nor a file is an error."""
    folders, files, findings = [], [], []
    broken: dict[str, Finding] = {}
    try:
        for child in sorted(os.scandir(root / folder), key=lambda child: child.name):
            if child.name.startswith("."):
                continue
            # A link that leads nowhere, or in a circle, is no error to `Path`.
            kind = Path(child) if child.is_symlink() else child
            if not child.name.isprintable():
                message = f"the name {child.name!a} holds characters that cannot be printed; rename it"
                findings.append(error("bad-file-name", message, folder))
            elif kind.is_dir():
                folders.append(child.name)
            elif kind.is_file():
                files.append(child.name)
            else:
                message = f"{shown(child.name)} is neither a file nor a folder, or leads nowhere; take it out"
                broken[child.name] = error("unreadable", message, f"{folder}/{child.name}")
    except FileNotFoundError:
        findings.append(error("missing", "the folder is missing", folder))
    except OSError as problem:
        findings.append(error("unreadable", f"the folder cannot be read: {problem.strerror}", folder))
    return Listing(tuple(folders), tuple(files), tuple(findings), broken)


def content(root: Path, path: str) -> tuple[bytes | None, tuple[Finding, ...]]:
    """The bytes of a file that lies under the root, also after symbolic links."""
    try:
        if _lies_there(root, path):
            return (root / path).read_bytes(), ()
        real = (root / path).resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            return None, (error("outside-root", "the file is a link that leads out of the repository", path),)
        if not real.is_file():
            return None, (error("unreadable", "this is not a file", path),)
        return real.read_bytes(), ()
    except FileNotFoundError:
        return None, (error("missing", "the file is missing, or is a link that leads nowhere", path),)
    except OSError as problem:
        return None, (error("unreadable", f"the file cannot be read: {problem.strerror}", path),)


def _lies_there(root: Path, path: str) -> bool:
    """Whether `path` is a file that no symbolic link below the root leads to: such a one is under the root.

    Most files are, and looking at each step costs a tenth of resolving the whole path.
    """
    place, kind = str(root), 0
    for step in path.split("/") if _BELOW.fullmatch(path) else ():
        place = f"{place}/{step}"
        kind = os.lstat(place).st_mode
        if stat.S_ISLNK(kind):
            return False
    return stat.S_ISREG(kind)


def text(root: Path, path: str) -> tuple[str | None, tuple[Finding, ...]]:
    """The text of a file, lines ended by a line feed."""
    data, findings = content(root, path)
    if data is None:
        return None, findings
    decoded, finding = decode(data, path)
    if decoded is None:
        return None, (finding,) if finding else ()
    return decoded.replace("\r\n", "\n"), ()


def document(
    root: Path, path: str, schema: str, instead: bytes | None = None
) -> tuple[Document | None, tuple[Finding, ...]]:
    """A YAML file with everything that is wrong with its form. With errors, the document serves only to look on.

    `instead` is what the file would hold, if it is not to be read.
    """
    data, findings = content(root, path) if instead is None else (instead, ())
    return (None, findings) if data is None else _parsed(data, path, schema)


@lru_cache(maxsize=_MOST_PARSED)
def _parsed(data: bytes, path: str, schema: str) -> tuple[Document | None, tuple[Finding, ...]]:
    """The same for equal bytes: the rules are read again for every environment, and after every edit to prove it.

    Nobody changes a document.
    """
    parsed, findings = parse(data, path)
    if parsed is None:
        return None, tuple(_with_needs(each, schema) if each.code == "empty-file" else each for each in findings)
    return parsed, (*findings, *validate(parsed, schema))


def _with_needs(finding: Finding, schema: str) -> Finding:
    """The finding with what the file must say, which an empty file's author cannot know."""
    return replace(finding, message=f"{finding.message}; it must hold {needs(schema)}")


def error(code: str, message: str, path: str) -> Finding:
    """An error about a whole file or folder."""
    return Finding(code, message, Severity.ERROR, Location(path))


def stray(folder: str, name: str, expected: str) -> Finding:
    """A remark about a file that nobody reads."""
    message = f"{shown(name)} is not read; {expected}"
    return Finding("stray-file", message, Severity.WARNING, Location(f"{folder}/{name}"))
