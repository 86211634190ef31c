"""A vendor's published ranges into rules/allowlists/<name>.yaml."""

import difflib
import ipaddress
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path

from deployer.allowlist import fetching
from deployer.allowlist import published
from deployer.allowlist.outcomes import Imported
from deployer.covering import Network
from deployer.covering import collapsed
from deployer.errors import CannotImport
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Severity
from deployer.hosts import Unfit
from deployer.manifest import allowlists
from deployer.manifest import edit
from deployer.manifest import edit_texts
from deployer.manifest import files
from deployer.manifest import rules
from deployer.manifest import shared_lists
from deployer.manifest import values
from deployer.manifest import written
from deployer.manifest.document import Document
from deployer.manifest.replacing import read_text
from deployer.manifest.replacing import replace_text
from deployer.manifest.schema import validate
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.manifest.yaml import parse
from deployer.model import Category
from deployer.model import ValueKind

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8 169.254.0.0/16 fc00::/7 fe80::/10 ::1".split(),
    )
)
_EVERYTHING = frozenset({"0.0.0.0/0", "::/0"})
_SHARE = 2
"""A list that loses more than one in this many of its ranges is not written without a word."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for."""

    source: str
    name: str
    """Of the list."""
    today: str
    """The day that counts as that of the review."""
    category: str | None = None
    title: str | None = None
    owner: str | None = None
    reason: str | None = None
    choice: published.Choice = field(default_factory=published.Choice)
    anyhow: bool = False
    """Write it also where it loses most of its ranges."""
    dry: bool = False


@dataclass(frozen=True, slots=True)
class _Before:
    """The list as it is; `text` is None where there is none yet."""

    text: str | None
    document: Document | None
    spelled: dict[str, str]
    """What each of its values stands for, by how it is written."""
    others: tuple[str, ...]
    """Its values that are no addresses: an import leaves them alone."""

    @property
    def ranges(self) -> tuple[str, ...]:
        """Its addresses, canonical, each once."""
        return tuple(value for value in dict.fromkeys(self.spelled.values()) if value not in self.others)


def run(root: Path, wanted: Wanted) -> Imported:
    """Make the list equal to what is published; raises a `DeployerError` where that cannot be known or written."""
    if not files.is_name(wanted.name):
        message = "a list's name is of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or a digit"
        raise CannotStart(f"{shown(wanted.name)}: {message}")
    path = f"{shared_lists.FOLDER}/{wanted.name}.yaml"
    categories = _categories(root)
    before = _before(root, path, categories)
    category = _category(wanted, before, categories)
    data = fetching.fetch(wanted.source)
    read = published.read(data, wanted.choice)
    ranges = collapsed(read.addresses)
    if whole := _EVERYTHING.intersection(ranges):
        raise CannotImport(f"the ranges of {read.where} together are {listed(sorted(whole))}: every address there is")
    text = _edited(before, path, wanted, category, ranges)
    _require_sound(text, path, wanted.name, categories)
    known = set(before.ranges)
    added, removed = tuple(one for one in ranges if one not in known), _gone(before.ranges, ranges)
    found = Imported(
        file=path,
        where=read.where,
        read=len(read.addresses),
        added=added,
        removed=removed,
        kept=len(ranges) - len(added),
        diff=_difference(before.text or "", text, path),
        notes=tuple(_notes(read, ranges, before)),
        new=before.text is None,
    )
    return _written(root, path, found, before, text, wanted, ranges)


def _written(
    root: Path, path: str, found: Imported, before: _Before, text: str, wanted: Wanted, ranges: Sequence[str]
) -> Imported:
    lost = _lost(before.ranges, ranges)
    if len(lost) * _SHARE > len(before.ranges) and not wanted.anyhow:
        much = f"{len(lost)} of its {len(before.ranges)} ranges would be allowed no longer"
        return replace(found, refused=f"{much}, such as {listed(lost[:3])}; if that is right, say --yes")
    if wanted.dry:
        return found
    problem = replace_text(root, path, before.text, text)
    return replace(found, refused=problem) if problem else replace(found, written=True)


def _categories(root: Path) -> Mapping[str, Category]:
    document, findings = files.document(root, rules.ALLOWLISTS, "allowlists")
    categories: Mapping[str, Category] = {}
    if document is not None:
        categories, more = allowlists.categories(document.root)
        findings = (*findings, *more)
    if errors := [one for one in findings if one.severity is Severity.ERROR]:
        raise InvalidManifest(errors)
    return categories


def _before(root: Path, path: str, categories: Mapping[str, Category]) -> _Before:
    if not (root / path).exists():
        return _Before(None, None, {}, ())
    document, findings = files.document(root, path, shared_lists.SCHEMA)
    if document is None or findings:
        raise InvalidManifest(findings)
    category = categories.get(document.root.get("category").text() or "")
    kinds = category.kinds if category else (ValueKind.IP,)
    spelled: dict[str, str] = {}
    others: list[str] = []
    for item in document.root.get("values").items():
        try:
            kind, text = values.canonical(item.text() or "", kinds)
        except Unfit as unfit:
            raise InvalidManifest([allowlists.unusable(item, item.text() or "", unfit)]) from None
        spelled[item.text() or ""] = text
        if kind is not ValueKind.IP:
            others.append(text)
    return _Before(read_text(root, path), document, spelled, tuple(others))


def _category(wanted: Wanted, before: _Before, categories: Mapping[str, Category]) -> Category:
    own = before.document.root.get("category").text() if before.document else None
    name = wanted.category or own
    if name is None:
        raise CannotStart(f"the list {shown(wanted.name)} is new: say --category, one of {listed(sorted(categories))}")
    if own is not None and name != own:
        raise CannotStart(f"the list {shown(wanted.name)} is of {shown_key(own)}, not of {shown_key(name)}")
    category = categories.get(name)
    if category is None:
        others = guess(name, categories) or f"; known: {listed(map(shown_key, sorted(categories)))}"
        raise CannotStart(f"no category {shown_key(name)} in {rules.ALLOWLISTS}{others}")
    if ValueKind.IP not in category.kinds:
        raise CannotStart(f"{shown_key(name)} holds {listed(category.kinds)}, no addresses; nothing can be imported")
    missing = [f"--{key}" for key in ("owner", "reason") if before.document is None and not getattr(wanted, key)]
    if missing:
        raise CannotStart(f"the list {shown(wanted.name)} is new: say {' and '.join(missing)}")
    return category


def _edited(before: _Before, path: str, wanted: Wanted, category: Category, ranges: Sequence[str]) -> str:
    said = {"title": wanted.title, "owner": wanted.owner, "reason": wanted.reason}
    source = fetching.without_query(wanted.source)
    if before.text is None or before.document is None:
        head = {"category": category.name, **said, "title": wanted.title or wanted.name}
        head |= {"source": source, "reviewed": wanted.today}
        lines = written.block({"category": head.pop("category"), "title": head.pop("title"), **head})
        return "\n".join([*lines, "values:", *(f"  - {written.flow(value)}" for value in ranges)]) + "\n"
    text = edit_texts.change(before.text, path, ("values",), before.spelled, [*before.others, *ranges])
    known = before.document.root.mapping()
    # A file is a copy of what is published somewhere: where, the list may say better than the file's name.
    named = source if fetching.is_address(wanted.source) or "source" not in known else None
    for key, value in {**said, "source": named, "reviewed": wanted.today}.items():
        if value is not None and known.get(key) != value:
            there = key in known
            text = (
                edit.change(text, path, (key,), value)
                if there
                else edit_texts.before_key(text, path, "values", key, value)
            )
    return text


def _require_sound(text: str, path: str, name: str, categories: Mapping[str, Category]) -> None:
    """Raises `InvalidManifest` for a text that `check` would find errors in."""
    document, findings = parse(text.encode(), path)
    if document is not None:
        findings = (*findings, *validate(document, shared_lists.SCHEMA))
        findings += shared_lists.one(name, document, categories)[1]
    if errors := [one for one in findings if one.severity is Severity.ERROR]:
        raise InvalidManifest(errors)


def _gone(before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    there = set(now)
    return tuple(one for one in before if one not in there)


def _lost(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Ranges that are allowed no longer, in part or altogether: one that went into a larger one is not lost."""
    there = {ipaddress.ip_network(one) for one in now}
    return [one for one in before if not any(wider in there for wider in _wider(ipaddress.ip_network(one)))]


def _wider(network: Network) -> Iterator[Network]:
    for prefix in range(network.prefixlen, -1, -1):
        yield network.supernet(new_prefix=prefix)


def _notes(read: published.Published, ranges: Sequence[str], before: _Before) -> Iterator[str]:
    if read.blank:
        yield f"{read.blank} places for an address hold nothing"
    if private := [one for one in ranges if _is_private(one)]:
        more = f" and {len(private) - _MOST_NAMED} more" if len(private) > _MOST_NAMED else ""
        named = listed(private[:_MOST_NAMED])
        yield f"private, so no vendor's: {named}{more}; a rule that looks at public addresses never sees them"
    if before.others:
        yield f"{len(before.others)} values of the list are no addresses and stay"


def _is_private(value: str) -> bool:
    network = ipaddress.ip_network(value)
    return any(network.version == one.version and network.overlaps(one) for one in _PRIVATE)


def _difference(before: str, after: str, path: str) -> str:
    """What changes in the file, as `diff -u` shows it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="", n=2)
    return "\n".join(lines)
