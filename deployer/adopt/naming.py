"""What an adopted rule is called in Git."""

import re
import unicodedata
from collections.abc import Collection
from collections.abc import Sequence
from fnmatch import fnmatchcase

from deployer.providers.sentinel.codec import ARM
from deployer.providers.sentinel.codec import UUID

LONGEST = 60
"""Characters of an id that is made from a name."""
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)
LIVE_ID = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
"""What `formerly` and our mark can hold."""


def slug(name: str) -> str:
    """A name as an id: what is neither letter nor digit becomes a hyphen, accents are dropped."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")
    if len(words) > LONGEST:
        words = words[: LONGEST + 1].rpartition("-")[0] or words[:LONGEST]
    return words.rstrip("-.")


def choose(live_id: str, name: str, tenant: str, globs: Sequence[str], taken: Collection[str], prefix: str) -> str:
    """The id of a rule: the live one if people gave it, else made from the name; one that the environment deploys.

    Where the environment deploys only rules of certain names, such as `acme-*`, the id begins so. Raises `ValueError`
    with the way out where no id can be deployed.
    """
    given = not prefix and _ID.fullmatch(live_id) and not UUID.fullmatch(live_id) and not live_id.startswith(ARM)
    if given and live_id not in taken and _fits(live_id, globs):
        return live_id
    stem = f"{prefix}{slug(name) or f'rule-{slug(live_id.removeprefix(ARM))[:8]}'}"
    if not _ID.fullmatch(stem):
        raise ValueError(f"{stem!r} is no id (a-z, 0-9, dot, underscore, hyphen): choose another --id-prefix")
    if not _fits(stem, globs):
        begins = [glob[:-1] for glob in globs if _ID.fullmatch(glob[:-1]) and glob.endswith("*")]
        if prefix or not begins:
            deploys = ", ".join(globs)
            raise ValueError(
                f"the environment deploys {deploys}, and {stem} is none of these: add it to `rules:` in "
                "environment.yaml, or have ids begin otherwise with --id-prefix"
            )
        stem = begins[0] + stem
    for candidate in (stem, f"{stem}-{tenant}", *(f"{stem}-{number}" for number in range(2, 1000))):
        if candidate not in taken and _fits(candidate, globs) and _ID.fullmatch(candidate):
            return candidate
    raise ValueError(f"every id like {stem} is taken: choose another --id-prefix")


def _fits(id: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(id, glob) for glob in globs)
