"""A tenant's file as it would be after a pull: its overlays, its entries, and its text."""

import copy
import difflib
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer.errors import CannotEdit
from deployer.manifest import edit
from deployer.manifest.document import Document
from deployer.manifest.document import Path as Steps
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.manifest.replacing import read_text
from deployer.manifest.selecting import selects
from deployer.manifest.yaml import parse
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Target
from deployer.model import Tenant
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Resource
from deployer.state import as_json

Overlay = dict[str, dict[str, Any]]
"""What is tuned, by rule id or glob."""
Level = str | None
"""Name of the target whose overlay is meant, None for the tenant's own."""


@dataclass(slots=True)
class Draft:
    """Overlays and lists are changed in place; `edited` says what text that makes. Nothing is written here."""

    manifest: Manifest
    tenant: Tenant
    document: Document
    text: str
    overlays: dict[Level, Overlay]
    lists: dict[Steps, list[Any]] = field(default_factory=dict)
    """The lists of entries and acceptances that are looked at, by their place; None stands for an item taken out."""

    @classmethod
    def of(cls, manifest: Manifest, tenant: Tenant, document: Document, root: Path) -> "Draft":
        """The file as it is."""
        own: dict[Level, Overlay] = {target.name: _copied(target.overlay) for target in tenant.targets}
        return cls(manifest, tenant, document, read_text(root, document.path), {None: _copied(tenant.overlay), **own})

    def target(self, name: str) -> Target:
        """A target with its overlay as it would be."""
        return next(target for target in self._model().targets if target.name == name)

    def encoded(self, target: str, rule: str) -> Mapping[Key, Resource]:
        """What one rule would make at one target; raises `CannotEncode`."""
        alone = replace(self.manifest, rules={rule: self.manifest.rules[rule]})
        return encode(assign(alone, self._model(), self.target(target))).resources

    def rule(self, target: str, rule: str) -> Rule:
        """A rule with the overlays that one target would have."""
        alone = replace(self.manifest, rules={rule: self.manifest.rules[rule]})
        [found] = assign(alone, self._model(), self.target(target)).rules
        return found

    def level(self, target: str, platform: Platform, rule: str, name: str) -> Level:
        """Where a field of a rule is to be written.

        In the tenant's overlay, if that reaches nothing but this target and is not covered by what the target's own
        overlay says; else in the target's.
        """
        others = [one for one in self.tenant.targets if one.platform is platform and one.name != target]
        covered = any(
            name in tuning.get(platform, {})
            for glob, tuning in self.overlays[target].items()
            if selects(glob, self.manifest.rules[rule])
        )
        return target if others or covered else None

    def block(self, level: Level, platform: Platform, rule: str) -> dict[str, Any]:
        """The platform's block for a rule in an overlay, to be changed in place; empty blocks are not written."""
        tuning = self.overlays[level].setdefault(rule, {})
        block: dict[str, Any] = tuning.setdefault(platform.value, {})
        return block

    def items(self, *place: str) -> list[Any]:
        """A list of the file, to be changed in place: None for an item that is taken out, new ones behind."""
        return self.lists.setdefault(place, copy.deepcopy(_at(self.document.value, place)) or [])

    def edited(self) -> str:
        """The text that says all of it; raises `CannotEdit`."""
        text, (now, _) = self.text, parse(self.text.encode(), self.document.path)
        if now is None or as_json(now.value) != as_json(self.document.value):
            raise CannotEdit(f"{self.document.path} was changed meanwhile; run again")
        for path, new in self._overlay_changes():
            text = _put(text, self.document.path, path, new)
        for place, items in self.lists.items():
            text = self._with_list(text, place, items)
        return text

    def difference(self, text: str) -> str:
        """What a text changes in the file, as `diff -u` shows it."""
        lines = difflib.unified_diff(
            self.text.splitlines(), text.splitlines(), self.document.path, self.document.path, lineterm="", n=2
        )
        return "\n".join(lines)

    def _model(self) -> Tenant:
        targets = tuple(replace(target, overlay=self.overlays[target.name]) for target in self.tenant.targets)
        return replace(self.tenant, overlay=self.overlays[None], targets=targets)

    def _overlay_changes(self) -> Iterator[tuple[Steps, Any]]:
        """Places in the file and what is to stand there; None for nothing."""
        for level, overlay in self.overlays.items():
            base: Steps = ("overlay",) if level is None else ("targets", level, "overlay")
            before: Any = _at(self.document.value, base) or {}
            after = _pruned(overlay)
            if before and not after:
                yield base, None
                continue
            for rule in dict.fromkeys((*before, *after)):
                if as_json(before.get(rule)) != as_json(after.get(rule)):
                    yield (*base, rule), after.get(rule)

    def _with_list(self, text: str, place: Steps, items: list[Any]) -> str:
        before: Any = _at(self.document.value, place) or []
        name = self.document.path
        for index, old in enumerate(before):
            if items[index] is not None and as_json(items[index]) != as_json(old):
                text = edit.change(text, name, (*place, index), items[index])
        new = items[len(before) :]
        if len(place) == 1 and before and not new and not any(items):
            return edit.remove(text, name, place)
        if new and before:
            for item in new:
                text = edit.change(text, name, (*place, -1), item)
        elif new:
            text = edit.change(text, name, place, new)
        for index in reversed(range(len(before))):
            if items[index] is None:
                text = edit.remove(text, name, (*place, index))
        return text


def _put(text: str, file: str, path: Steps, value: Any) -> str:
    return edit.remove(text, file, path) if value is None else edit.change(text, file, path, value)


def _copied(overlay: Mapping[str, Any]) -> Overlay:
    return copy.deepcopy({glob: dict(tuning) for glob, tuning in overlay.items()})


def _pruned(overlay: Overlay) -> Overlay:
    """Without blocks and rules that say nothing."""
    kept = {glob: {name: value for name, value in tuning.items() if value != {}} for glob, tuning in overlay.items()}
    return {glob: tuning for glob, tuning in kept.items() if tuning}


def _at(value: Any, path: Steps) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
