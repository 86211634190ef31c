"""What Git says for an environment, in a few digits: two checkouts have the same where they say the same."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from deployer.manifest import files
from deployer.manifest import shared_lists
from deployer.manifest.environments import FOLDER
from deployer.manifest.rules import ALLOWLISTS
from deployer.manifest.rules import FOLDER as RULES
from deployer.manifest.rules import QUERY_FILES
from deployer.manifest.rules import SHARED

_OF_A_RULE = frozenset({"rule.yaml", *(name for names in QUERY_FILES.values() for name in names)})
_YAML = (".yaml", ".yml")


def digest(root: Path, environment: str, trusted_root: Path | None = None) -> str:
    """16 hexadecimal digits over every file that a run over the environment is made from, whichever tenants it is of.

    It does not depend on where the checkout lies, on the order of its files, or on how their lines end. A file that
    cannot be read counts as such. `trusted_root` is the checkout that the credentials are from, if it is another one.
    """
    said = hashlib.sha256()
    settings = f"{FOLDER}/{environment}/environment.yaml"
    for path in sorted({*_of_rules(root), *_of_tenants(root, environment), settings}):
        said.update(_told(root, path))
    if trusted_root is not None:
        said.update(_told(trusted_root, settings))
    return said.hexdigest()[:16]


def _of_rules(root: Path) -> Iterator[str]:
    yield ALLOWLISTS
    for folder in files.listing(root, RULES).folders:
        place = shared_lists.FOLDER if folder == SHARED else f"{RULES}/{folder}"
        for name in _names(root, place):
            if name.lower().endswith(_YAML) if folder == SHARED else name in _OF_A_RULE:
                yield f"{place}/{name}"


def _of_tenants(root: Path, environment: str) -> Iterator[str]:
    folder = f"{FOLDER}/{environment}/tenants"
    return (f"{folder}/{name}" for name in _names(root, folder) if name.lower().endswith(_YAML))


def _names(root: Path, folder: str) -> tuple[str, ...]:
    inside = files.listing(root, folder)
    return (*inside.files, *inside.folders, *inside.broken)


def _told(root: Path, path: str) -> bytes:
    """A file's name and what stands in it, as so many bytes that two files never read as another two."""
    data, _ = files.content(root, path)
    read = b"-" if data is None else hashlib.sha256(data.replace(b"\r\n", b"\n")).digest()
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest() + read
