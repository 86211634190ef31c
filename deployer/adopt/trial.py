"""The proof that files are worth writing: read back in a copy of the repository, they give exactly what is live."""

import shutil
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from deployer.adopt.folder import Spot
from deployer.diff import field_changes
from deployer.errors import CannotEdit
from deployer.errors import CannotEncode
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.manifest.load import Manifest
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import KibanaTarget
from deployer.model import Rule
from deployer.providers.codecs import encode
from deployer.state import Resource

FOLDERS = ("rules", "environments")


@dataclass(frozen=True, slots=True)
class Draft:
    """What taking one rule over would write."""

    live: Resource
    rule: str
    spot: Spot
    files: Mapping[str, str]
    """Whole texts by path from the root."""


class Trial:
    """A copy of the repository, in which drafts are tried before anything is written to the real one."""

    def __init__(self, folder: Path, root: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._environment = manifest.environment.name
        self._trusted = manifest.environment.trusted_hosts
        self.manifest = manifest
        for name in FOLDERS:
            shutil.copytree(root / name, folder / name)
        self._copied = {
            str(path.relative_to(folder)): path.read_bytes()
            for name in FOLDERS
            for path in (folder / name).rglob("*.yaml")
            if path.is_file()
        }
        for target in (target for tenant in manifest.tenants for target in tenant.targets):
            if isinstance(target, KibanaTarget) and target.ca and not Path(target.ca).is_absolute():
                # What is said of a bundle that is not there is said of the tenant's file.
                (folder / target.ca).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / target.ca, folder / target.ca)

    def text(self, path: str) -> str:
        """A file as it is by now, with what drafts changed in it."""
        return (self._folder / path).read_bytes().decode()

    def folder(self, rule: str) -> Mapping[str, str]:
        """The files of a rule's folder by name."""
        inside = sorted((self._folder / "rules" / rule).iterdir())
        return {each.name: each.read_bytes().decode() for each in inside}

    def require_unchanged(self, root: Path, paths: Sequence[str]) -> None:
        """Raise `CannotEdit` if a file is not as it was when it was copied: somebody writes to it meanwhile."""
        for path in paths:
            if (root / path).read_bytes() != self._copied[path]:
                raise CannotEdit(f"{path} was changed meanwhile; nothing was written, run again")

    def loaded_alone(self, draft: Draft) -> Rule | None:
        """The rule of a draft as it is read from its files; None if they cannot be read. The copy stays as it was."""
        before = {path: self._content(path) for path in draft.files}
        self._write([draft])
        try:
            return self._load().rules.get(draft.rule)
        except InvalidManifest:
            return None
        finally:
            self._undo([draft], before)

    def prove(self, drafts: Sequence[Draft]) -> Mapping[str, str]:
        """Why a draft does not hold, by its rule's id; those that hold stay in the copy, the others are taken out."""
        before = {path: self._content(path) for draft in drafts for path in draft.files}
        refused = dict(self._loaded(drafts, before))
        for draft in drafts:
            if draft.rule not in refused and (reason := self._differs(draft)):
                refused[draft.rule] = reason
                self._undo([draft], before)
        if refused:
            self.manifest = self._load()
        return refused

    def _loaded(self, drafts: Sequence[Draft], before: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
        """The drafts that make files faulty, with the first fault of each; the rest is in the copy afterwards."""
        if not drafts:
            return
        self._write(drafts)
        faults = self._faults()
        if not faults:
            return
        blamed = {draft.rule: said for draft in drafts if (said := _said(faults, draft))}
        if not blamed and len(drafts) == 1:
            blamed = {drafts[0].rule: str(faults[0])}
        self._undo(drafts, before)
        if blamed:
            yield from blamed.items()
            yield from self._loaded([draft for draft in drafts if draft.rule not in blamed], before)
            return
        half = len(drafts) // 2
        for part in (drafts[:half], drafts[half:]):
            yield from self._loaded(part, before)

    def _faults(self) -> list[Finding]:
        known = set(self.manifest.broken_tenants)
        try:
            manifest = self._load()
        except InvalidManifest as error:
            return [each for each in error.findings if each.severity is Severity.ERROR]
        new = [found for name, found in manifest.broken_tenants.items() if name not in known]
        if not new:
            self.manifest = manifest
        return [each for found in new for each in found if each.severity is Severity.ERROR]

    def _load(self) -> Manifest:
        return load(self._folder, self._environment, trusted_hosts=self._trusted)

    def _differs(self, draft: Draft) -> str | None:
        """Why the files would not give exactly what is live, if so."""
        tenant = next(each for each in self.manifest.tenants if each.name == draft.spot.tenant.name)
        target = next(each for each in tenant.targets if each.name == draft.spot.target.name)
        alone = replace(self.manifest, rules={draft.rule: self.manifest.rules[draft.rule]})
        assignment = assign(alone, tenant, target)
        if assignment.not_applicable:
            return f"as {draft.rule} it {assignment.not_applicable[0].reason}"
        try:
            desired = encode(assignment)
        except CannotEncode as error:
            return "; ".join(finding.message for finding in error.findings)
        wanted = desired.resources.get(draft.live.key)
        if wanted is None:
            return f"the files would not be taken for this rule: they are for {', '.join(map(str, desired.resources))}"
        paths = [change.path for change in field_changes(draft.live.body, wanted.body)]
        return f"the files would not give exactly what is there: {', '.join(paths)}" if paths else None

    def _write(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            for path, text in draft.files.items():
                place = self._folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text.encode("utf-8", "surrogatepass"))

    def _undo(self, drafts: Sequence[Draft], before: Mapping[str, str | None]) -> None:
        for draft in drafts:
            for path in draft.files:
                place, text = self._folder / path, before[path]
                if text is not None:
                    place.write_bytes(text.encode())
                    continue
                place.unlink(missing_ok=True)
                if place.parent.is_dir() and not any(place.parent.iterdir()):
                    place.parent.rmdir()

    def _content(self, path: str) -> str | None:
        place = self._folder / path
        return place.read_bytes().decode() if place.exists() else None


@contextmanager
def trial(root: Path, manifest: Manifest) -> Iterator[Trial]:
    """A copy that is gone afterwards."""
    with TemporaryDirectory(prefix="deployer-adopt-") as folder:
        yield Trial(Path(folder), root, manifest)


def _said(faults: Sequence[Finding], draft: Draft) -> str:
    """What the faults say of the draft's own folder."""
    folder = f"rules/{draft.rule}/"
    own = [each for each in faults if each.location and each.location.path.startswith(folder)]
    return "; ".join(f"{each.message} ({str(each.location).removeprefix(folder)})" for each in own[:3])
