"""Edits of long lists of texts, line by line: thousands of values are changed in one go, comments stay."""

from collections.abc import Mapping
from collections.abc import Sequence

from deployer.errors import CannotEdit
from deployer.manifest import edit
from deployer.manifest import written
from deployer.manifest.document import Path
from deployer.manifest.yaml import parse
from deployer.model import Json
from deployer.state import as_json


def change(text: str, file: str, path: Path, current: Mapping[str, str], wanted: Sequence[str]) -> str:
    """`text` with a list of texts at `path` that says what `wanted` does, each value once.

    `current` says what each text of the list stands for, so that one that is wanted stays as it is spelled. What is new
    goes where `wanted` has it, as far as the rest is in that order, and to the end of the list otherwise. A list that
    is not one line a value is written anew. Raises `CannotEdit`.
    """
    document, findings = parse(text.encode(), file)
    if document is None or findings:
        raise CannotEdit("\n".join(map(str, findings)) or f"{file} cannot be read")
    there = _look(document.value, path)
    if not isinstance(there, list) or not all(isinstance(one, str) for one in there):
        return _anew(text, file, path, wanted)
    texts = [str(one) for one in there]
    final = _final(texts, current, wanted)
    if [text for _, text in final] == texts:
        return text
    lines = [document.at((*path, index)).line - 1 for index in range(len(texts))]
    edited = _spliced(text, lines, final)
    after, findings = parse(edited.encode(), file)
    if after is None or findings or as_json(after.value) != as_json(_with(document.value, path, final)):
        return _anew(text, file, path, [text for _, text in final])
    return edited


def before_key(text: str, file: str, key: str, name: str, value: str) -> str:
    """`text` with a new key `name` above the key `key` of the file and what is said about that. Raises `CannotEdit`."""
    document, findings = parse(text.encode(), file)
    if document is None or findings or not isinstance(document.value, Mapping):
        raise CannotEdit(f"{file} cannot be read")
    lines = text.split("\n")
    at = document.key_at((key,)).line - 1
    while at > 0 and lines[at - 1].startswith("#"):
        at -= 1
    end = "\r" if lines[0].endswith("\r") else ""
    lines.insert(at, f"{name}: {written.flow(value)}{end}")
    after, findings = parse("\n".join(lines).encode(), file)
    if after is None or findings or as_json(after.value) != as_json({**document.value, name: value}):
        return edit.change(text, file, (name,), value)
    return "\n".join(lines)


def _anew(text: str, file: str, path: Path, values: Sequence[str]) -> str:
    # Emptied first: `edit.change` would go through a list that has something in common one by one.
    return edit.change(edit.change(text, file, path, []), file, path, list(values))


def _final(texts: Sequence[str], current: Mapping[str, str], wanted: Sequence[str]) -> list[tuple[int | None, str]]:
    """The list as it will be: texts that stay with their index of before, and new ones in their places."""
    ranks = {value: rank for rank, value in enumerate(wanted)}
    kept: dict[int, int] = {}
    for index, text in enumerate(texts):
        rank = ranks.get(current.get(text, text))
        if rank is not None and rank not in kept:
            kept[rank] = index
    new = [rank for rank in range(len(wanted)) if rank not in kept]
    stay: list[tuple[int | None, int]] = [(index, rank) for rank, index in kept.items()]
    added: list[tuple[int | None, int]] = [(None, rank) for rank in new]
    merged = [*stay, *added]
    if [rank for _, rank in stay] == sorted(kept):
        merged.sort(key=lambda one: one[1])
    return [(index, wanted[rank] if index is None else texts[index]) for index, rank in merged]


def _spliced(text: str, lines: Sequence[int], final: Sequence[tuple[int | None, str]]) -> str:
    """The text with the lines of what goes taken out, and a line for each new value put below the one before it."""
    rows = text.split("\n")
    dash = rows[lines[0]].partition("-")[0] if lines else ""
    end = "\r" if lines and rows[lines[0]].endswith("\r") else ""
    stay = {lines[index] for index, _ in final if index is not None}
    first = min(stay, default=lines[0] if lines else 0)
    above: list[str] = []
    below: dict[int, list[str]] = {}
    place: int | None = None
    for index, value in final:
        if index is not None:
            place = lines[index]
        else:
            (above if place is None else below.setdefault(place, [])).append(f"{dash}- {written.flow(value)}{end}")
    gone = set(lines) - stay
    result: list[str] = []
    for number, row in enumerate(rows):
        if number == first:
            result += above
        if number not in gone:
            result.append(row)
        result += below.get(number, [])
    return "\n".join(result)


def _look(value: Json, path: Path) -> Json:
    for step in path:
        value = value.get(str(step)) if isinstance(value, Mapping) else None
    return value


def _with(value: Json, path: Path, final: Sequence[tuple[int | None, str]]) -> Json:
    if not path:
        return [text for _, text in final]
    inner = value if isinstance(value, Mapping) else {}
    return {**inner, str(path[0]): _with(inner.get(str(path[0])), path[1:], final)}
