"""Taking rules over: a live rule without our mark becomes a folder under rules/, field for field.

Nothing is written to any target. A rule is taken over only if its files, read back and encoded for its target, give
exactly what is live; the next plan then shows a claim of it, without any field.
"""

import os
import tempfile
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from deployer.adopt import folder
from deployer.adopt import naming
from deployer.adopt.folder import Spot
from deployer.adopt.joining import joined
from deployer.adopt.joining import overlaid
from deployer.adopt.trial import Draft
from deployer.adopt.trial import Trial
from deployer.adopt.trial import trial
from deployer.crew import Job
from deployer.errors import CannotEdit
from deployer.errors import CannotEncode
from deployer.errors import CannotStart
from deployer.fleet import Fleet
from deployer.manifest.load import Manifest
from deployer.manifest.rules import SHARED
from deployer.model import Platform
from deployer.outcome import Adopted
from deployer.outcome import Adoption
from deployer.outcome import Fate
from deployer.outcome import Outcome
from deployer.providers.base import Provider
from deployer.providers.sentinel.codec import ARM
from deployer.providers.sentinel.codec import UUID
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import Unmanaged
from deployer.state import digest
from deployer.state import whose

_KINDS = frozenset({"Scheduled", "NRT"})


@dataclass(frozen=True, slots=True)
class Wish:
    """Which live rules are to be taken over, and how."""

    names: tuple[str, ...] = ()
    """Names or ids, or globs of such; letter case does not count."""
    everything: bool = False
    prefix: str = ""
    """What ids begin with that are made from names."""
    target: str | None = None
    """The only target of each tenant to look at."""
    dry_run: bool = False

    def means(self, name: str, id: str) -> bool:
        """Whether a rule is asked for."""
        return self.everything or any(_alike(text, glob) for text in (name, id) for glob in self.names)


def adopt(fleet: Fleet, wish: Wish) -> list[Outcome]:
    """Take over what `wish` asks for at the fleet's targets.

    Folders that are there are never overwritten; a rule that cannot be held is refused with the reason, and the others
    are taken over. A rule that Git has already for other tenants is extended to this one, with an overlay where it
    differs.
    """

    def look(provider: Provider, job: Job) -> Outcome:
        if wish.target not in (None, job.target.name):
            return Adopted(job.place, (), wish.dry_run)
        found = [_seen(one, job) for one in provider.everything(job.desired) if _kind(one) is Kind.RULE]
        asked = [one for one in found if wish.means(one.live.name, one.live.key.id)]
        return Adopted(job.place, tuple(sorted(asked, key=lambda one: (one.live.name, one.live.key))), wish.dry_run)

    looked = [one for one in fleet.over(look) if one.place.target is None or wish.target in (None, one.place.target)]
    if not looked:
        raise CannotStart(f"no selected tenant has a target named {wish.target!r}")
    asked = {one.live.key.id for outcome in looked if isinstance(outcome, Adopted) for one in outcome.adoptions}
    with trial(fleet.root, fleet.manifest) as attempt:
        adoption = _Adoption(fleet, wish, attempt, asked)
        done = [adoption.at(outcome) if isinstance(outcome, Adopted) else outcome for outcome in looked]
        if not wish.dry_run:
            adoption.write()
    return done


class _Adoption:
    """One run: what was decided so far stands in the trial's copy of the repository."""

    def __init__(self, fleet: Fleet, wish: Wish, attempt: Trial, asked: Collection[str]) -> None:
        self._fleet = fleet
        self._wish = wish
        self._trial = attempt
        self._asked = frozenset(asked)
        """The live ids of all rules of this run: an id made from a name must be none of them, for it has one owner."""
        self._made: list[str] = []
        """Ids of new folders."""
        self._edited: list[str] = []
        """Files that were there before, in the order in which they were edited."""

    def at(self, outcome: Adopted) -> Adopted:
        """What comes of the rules of one target."""
        place = outcome.place
        tenant = next(each for each in self._trial.manifest.tenants if each.name == place.tenant)
        target = next(each for each in tenant.targets if each.name == place.target)
        decided: dict[Key, Adoption] = {}
        fresh: list[Draft] = []
        for one in outcome.adoptions:
            spot = Spot(self._trial.manifest, tenant, target)
            if one.fate is not Fate.ADOPTED:
                decided[one.live.key] = one
            elif reason := _unfit(one, spot):
                decided[one.live.key] = _refused(one, reason)
            elif known := _of_live_id(one.live.key.id, self._trial.manifest):
                decided[one.live.key] = self._join(one, known, spot)
            else:
                drafted = self._drafted(one, spot, {draft.rule for draft in fresh})
                if isinstance(drafted, Draft):
                    fresh.append(drafted)
                else:
                    decided[one.live.key] = drafted
        reasons = self._trial.prove(fresh)
        for draft in fresh:
            one = next(each for each in outcome.adoptions if each.live.key == draft.live.key)
            decided[draft.live.key] = self._settled(one, draft, reasons.get(draft.rule))
        adoptions = tuple(decided[one.live.key] for one in outcome.adoptions)
        notes = tuple(self._remarks(tenant.name, adoptions))
        return replace(outcome, adoptions=adoptions, notes=notes)

    def _remarks(self, tenant: str, adoptions: Sequence[Adoption]) -> Iterator[str]:
        """What else comes of it."""
        count = sum(one.fate is Fate.ADOPTED for one in adoptions)
        if not count:
            return
        for name in _namesakes(self._fleet.root, self._fleet.manifest.environment.name, tenant):
            yield f"environment {name} has a tenant {tenant}, too: it gets those of them that it deploys"
        limit = self._fleet.manifest.environment.limits.updates
        if count > limit:
            yield f"more than limits.updates ({limit}): to claim them at once, pass --allow-updates {count}"

    def _drafted(self, one: Adoption, spot: Spot, pending: set[str]) -> Draft | Adoption:
        """A folder for the rule, or why there is none."""
        manifest, live = spot.manifest, one.live
        folders = {each.name for each in (self._fleet.root / "rules").iterdir()}
        taken = pending | folders | manifest.rules.keys() | {SHARED}
        taken |= {name for rule in manifest.rules.values() for name in rule.formerly}
        taken |= self._asked - {live.key.id}
        try:
            id = naming.choose(
                live.key.id, live.name, spot.tenant.name, manifest.environment.rules, taken, self._wish.prefix
            )
            files = folder.files(live, id, spot)
        except CannotEncode as error:
            return _refused(one, "; ".join(finding.message for finding in error.findings))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            return _refused(one, str(error) if type(error) is ValueError else f"it is not as documented: {error!r}")
        return Draft(live, id, spot, {f"rules/{id}/{name}": text for name, text in files.items()})

    def _settled(self, one: Adoption, draft: Draft, reason: str | None) -> Adoption:
        """A new folder that holds; or, where overlays for many rules change this one, with an overlay of its own."""
        if reason is None:
            self._made.append(draft.rule)
            return _taken(one, draft.rule, draft.files)
        try:
            edited = overlaid(draft, self._trial)
        except (CannotEdit, CannotEncode, ValueError) as error:
            return _refused(one, f"{reason}; {error}")
        if edited is None or self._trial.prove([edited]):
            return _refused(one, reason)
        self._made.append(draft.rule)
        self._edited += [path for path in edited.files if path not in draft.files]
        return _taken(one, draft.rule, edited.files)

    def _join(self, one: Adoption, rule: str, spot: Spot) -> Adoption:
        """The rule goes to this tenant too, tuned as it is there."""
        try:
            edited = joined(one.live, rule, spot, self._trial)
        except (CannotEdit, CannotEncode, ValueError) as error:
            return _refused(one, str(error))
        if reason := self._trial.prove([edited]).get(rule):
            return _refused(one, f"Git has this id as {rule}, for other tenants: {reason}")
        self._edited += edited.files
        return _taken(one, rule, edited.files)

    def write(self) -> None:
        """Put what holds into the repository: each folder at once, then the files that were there before."""
        root = self._fleet.root
        edited = [path for path in dict.fromkeys(self._edited) if path.split("/")[1] not in self._made]
        texts = {path: self._trial.text(path) for path in edited}
        self._trial.require_unchanged(root, edited)
        for rule in self._made:
            with tempfile.TemporaryDirectory(prefix=".adopt-", dir=root / "rules") as scratch:
                made = Path(scratch) / rule
                made.mkdir()
                for name, text in self._trial.folder(rule).items():
                    (made / name).write_bytes(text.encode())
                made.rename(root / "rules" / rule)
        for path, text in texts.items():
            real = (root / path).resolve()  # a link stays one
            handle, scratch = tempfile.mkstemp(prefix=".adopt-", dir=real.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            Path(scratch).chmod(real.stat().st_mode & 0o777)
            Path(scratch).replace(real)


def _kind(one: Resource | Unmanaged) -> Kind:
    return one.key.kind if isinstance(one, Resource) else one.kind


def _alike(text: str, glob: str) -> bool:
    text, glob = text.lower(), glob.lower()
    return text == glob or fnmatchcase(text, glob)


def _seen(one: Resource | Unmanaged, job: Job) -> Adoption:
    """A live rule and whether it may be ours to take."""
    if isinstance(one, Unmanaged):
        return Adoption(Resource(Key(one.kind, one.id), {}, name=one.name), Fate.REFUSED, reason=one.note)
    if job.target.platform is Platform.SENTINEL and one.mark is None and not job.desired.git_id(one.key):
        one = replace(one, key=Key(one.key.kind, _as_id(one.key.id)))
    slim = replace(one, observed={})
    fate, reason = _known(slim, job.desired)
    return Adoption(slim, fate, digest=slim.digest, rule=job.desired.git_id(slim.key), reason=reason)


def _as_id(name: str) -> str:
    """The name of an analytics rule as an id that stands for it."""
    return name.lower() if UUID.fullmatch(name) else ARM + name.lower()


def _known(live: Resource, desired: DesiredState) -> tuple[Fate, str]:
    if desired.owns(live):
        return Fate.KNOWN, "it is ours" if live.key in desired.resources else "it is ours, and no longer in Git"
    if live.key in desired.resources:
        return Fate.KNOWN, "Git has it, and it is not ours yet: apply --adopt takes it over as Git has it"
    if desired.git_id(live.key):
        return Fate.KNOWN, "Git has it, and it is not applicable here"
    if isinstance(live.mark, Mark):
        copy = f"{whose(live)}: a copy, or somebody else's. Take the mark off it there if it is to be taken over"
        return Fate.REFUSED, copy
    if live.mark is not None:
        return Fate.REFUSED, whose(live)
    return Fate.ADOPTED, ""


def _unfit(one: Adoption, spot: Spot) -> str | None:
    """Why such a rule cannot be held, whatever its files would say."""
    live = one.live
    if digest(live.body) != one.digest:
        return "it holds a secret that deployer was given; nothing of that goes into Git. Take it out there first"
    if live.halted:
        return f"{live.halted}; mend it there first"
    if spot.platform is Platform.SENTINEL and (kind := live.body.get("kind")) not in _KINDS:
        return f"a rule of kind {kind} is made by Microsoft and has no query; deployer holds Scheduled and NRT"
    if not naming.LIVE_ID.fullmatch(live.key.id):
        return (
            f"its id {live.key.id!r} cannot be held: letters, digits, dot, underscore and hyphen, 100 at most. "
            "Duplicate it there and adopt the copy"
        )
    return None


def _taken(one: Adoption, rule: str, files: Iterable[str]) -> Adoption:
    return replace(one, fate=Fate.ADOPTED, rule=rule, files=tuple(files))


def _refused(one: Adoption, reason: str) -> Adoption:
    return replace(one, fate=Fate.REFUSED, reason=reason)


def _of_live_id(live_id: str, manifest: Manifest) -> str | None:
    """The rule in Git that is known by this id elsewhere."""
    return next((name for name, rule in manifest.rules.items() if rule.live_id == live_id), None)


def _namesakes(root: Path, environment: str, tenant: str) -> Iterator[str]:
    """The other environments with a tenant of the same name."""
    for path in sorted((root / "environments").glob(f"*/tenants/{tenant}.yaml")):
        if path.parent.parent.name != environment:
            yield path.parent.parent.name


def nothing_found(outcomes: Sequence[Outcome], wish: Wish) -> list[str]:
    """The names that no rule answers to, where everything could be looked at."""
    if any(not isinstance(outcome, Adopted) for outcome in outcomes):
        return []
    seen = [one for outcome in outcomes if isinstance(outcome, Adopted) for one in outcome.adoptions]
    return [
        glob
        for glob in wish.names
        if not any(_alike(text, glob) for one in seen for text in (one.live.name, one.live.key.id))
    ]


__all__ = ["Wish", "adopt", "nothing_found"]
