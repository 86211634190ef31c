"""What is known, without deployer, of who changed what: the judge of the state machine.

A rule's mark names what deployer wrote last, so the values that stood beside a mark when it was first seen tell an edit
from what was written, whatever was applied or undone since.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from deployer.providers.sentinel.codec import rule_uuid
from tests.properties import portal
from tests.properties.portal import Portal
from tests.properties.repository import RULES
from tests.properties.repository import Repository

Field = tuple[str, str, str]
"""Platform, rule, field."""
ENTITIES = [(platform, rule) for platform in portal.FIELDS for rule in RULES]
VOLATILE = {"revision"}
"""Kibana raises it on every rule whose list gets an exception."""


class Model:
    """The world as it was at the last look, and what must be true of it."""

    def __init__(self, git: Repository, hands: Portal) -> None:
        self._git, self._portal = git, hands
        self._world: dict[tuple[str, str, str], Any] = {}
        self._written: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._gifts: dict[tuple[str, str], dict[str, Any]] = {}
        self._wounds: set[tuple[str, ...]] = set()
        self._agreed: dict[Field, list[Any]] = {}
        self._fresh: set[Field] = set()
        self._planned: dict[Field, Any] = {}
        self._claimed: set[str] = set()
        self._calm = False
        self.broken = False

    # -- what there is ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what a colleague did."""
        self._world = self._portal.world()

    def document(self, platform: str, rule: str) -> Any:
        """A live rule of ours, or None."""
        return self._world.get((platform, "rule", rule if platform == "kibana" else rule_uuid(rule)))

    def has(self, platform: str, rule: str) -> bool:
        """Whether the rule is there."""
        return self.document(platform, rule) is not None

    def marked(self, platform: str, rule: str) -> bool:
        """Whether it is there with our mark."""
        document = self.document(platform, rule)
        return document is not None and portal.mark(platform, document) is not None

    def live(self, platform: str, rule: str, field: str) -> Any:
        """A field as it is live."""
        return portal.value(platform, self.document(platform, rule), field)

    def values(self) -> dict[Field, Any]:
        """Every managed field of every rule of ours that is there."""
        return {
            (platform, rule, field): self.live(platform, rule, field)
            for platform, rule in ENTITIES if self.has(platform, rule)
            for field in portal.fields_of(platform, rule)
        }  # fmt: skip

    def items(self) -> list[Any]:
        """The exceptions that deployer made."""
        found = [one for (_, kind, _), one in sorted(self._world.items()) if kind == "item"]
        return [one for one in found if one["item_id"].startswith("deployer-")]

    def has_list(self) -> bool:
        """Whether the list of ours is there."""
        return ("kibana", "list", portal.OURS) in self._world

    def has_view(self) -> bool:
        """Whether the data view of ours is there."""
        return ("kibana", "view", "deployer-alpha") in self._world

    # -- what colleagues did ------------------------------------------------------------------------------------------

    def edited(self, platform: str, rule: str, field: str) -> None:
        """A colleague gave a field a value."""
        self.look()
        self._fresh.add((platform, rule, field))
        self._agreed.pop((platform, rule, field), None)

    def hurt(self, *wound: str) -> None:
        """A colleague changed something else of ours."""
        self.look()
        self._wounds.add(wound)

    def deleted(self, platform: str, rule: str) -> None:
        """A colleague deleted a rule of ours, and what was given to it."""
        self.look()
        self._forget(platform, rule)

    def _forget(self, platform: str, rule: str) -> None:
        self._gifts.pop((platform, rule), None)
        self._fresh = {one for one in self._fresh if one[:2] != (platform, rule)}

    def given(self, platform: str, rule: str, gift: str, value: Any) -> None:
        """A colleague gave a rule what Git does not manage."""
        self.look()
        mine = self._gifts.setdefault((platform, rule), {})
        mine[gift] = [*mine.get(gift, []), value] if gift == "list" else value

    def selected(self, rule: str, *, wanted: bool) -> None:
        """Git takes a rule out, or puts it back."""
        if not wanted:
            self._wounds = {one for one in self._wounds if one[0] != "rule" or one[2] != rule}

    # -- what deployer did --------------------------------------------------------------------------------------------

    @contextmanager
    def by_deployer(self, verb: str) -> Iterator[None]:
        """Whatever is done inside leaves alone what is not ours, and keeps what was given to what is ours."""
        self.broken = True
        before = self._world
        self._claimed |= {one["item"] for one in self._git.entries() if "item" in one}
        yield
        self.look()
        self._require_untouched(before)
        for platform, rule in ENTITIES:
            self._require_kept(before, platform, rule, may_go=verb == "rollback" or rule not in self._git.rules())
            document = self.document(platform, rule)
            if document is not None and (mark := portal.mark(platform, document)):
                fields = portal.fields_of(platform, rule)
                now = {field: portal.value(platform, document, field) for field in fields}
                self._written.setdefault((platform, rule, mark), now)
        self.broken = False

    def applied(self, *, clean: bool) -> None:
        """An apply came to its end, or not."""
        if clean:
            self._wounds.clear()
        self._agree()
        self._wounds = {one for one in self._wounds if one[0] in ("rule", "mark")}
        self._fresh.clear()
        self._calm = clean

    def pulled(self) -> None:
        """Git took over what is live, or not."""
        self._agree()
        self._wounds = {one for one in self._wounds if one[0] in ("rule", "mark")}
        self._calm = False

    def _agree(self) -> None:
        """What is live and in Git now, or accepted there, was agreed on: it is Git that moves away from it."""
        for key, value in self.values().items():
            if value == self.git(*key) or value in self._accepted(*key):
                self._agreed.setdefault(key, []).append(value)

    def rolled_back(self) -> None:
        """A run was undone, whatever it had done."""
        self._wounds.clear()
        self._fresh.clear()
        self._calm = False

    def planned(self) -> None:
        """A plan was saved."""
        self._planned = self.values()

    def moved_since_planned(self) -> dict[Field, Any]:
        """What is not as it was when the plan was saved."""
        return {key: value for key, value in self.values().items() if self._planned.get(key, value) != value}

    def fresh(self) -> dict[Field, Any]:
        """What colleagues edited since deployer wrote last, and is not as deployer wrote it."""
        return {key: value for key, value in self.values().items() if key in self._fresh and self._moved(key)}

    # -- what must be true --------------------------------------------------------------------------------------------

    def git(self, platform: str, rule: str, field: str) -> Any:
        """What Git says of a field."""
        first = portal.FIELDS[platform][field][0]
        block: Any = self._git.overlaid(platform, rule)
        for name in field.split("."):
            if not isinstance(block, dict) or name not in block:
                return first
            block = block[name]
        return portal.last_line(str(block)) if field == "query" else block

    def _accepted(self, platform: str, rule: str, field: str) -> list[Any]:
        found = self._git.accepted(platform, rule, field)
        return [portal.last_line(str(one)) for one in found] if field == "query" else found

    def edits_unseen(self, rules: Sequence[str]) -> list[Field]:
        """Fields of marked rules that are neither as written, nor as Git says, nor agreed on."""
        return [
            key
            for key, value in self.values().items()
            if key[1] in rules and key[1] in self._git.rules() and self.marked(*key[:2]) and self._moved(key)
            if value != self.git(*key) and value not in self._accepted(*key) and value not in self._agreed.get(key, ())
        ]

    def guilty(self) -> list[Any]:
        """What somebody did and `drift` must not call clean."""
        return [*self.edits_unseen(RULES), *(wound for wound in sorted(self._wounds) if self._open(wound))]

    def innocent(self) -> bool:
        """Whether nobody touched anything of ours since the last clean apply."""
        return self._calm and not self._wounds and not any(map(self._moved, self.values()))

    def disagreements(self, *, kept: bool = False, unmarked: bool = False) -> list[Any]:
        """Where Git and live say otherwise; with `kept`, what Git does not want may still be there."""
        wanted = [(platform, rule) for platform, rule in ENTITIES if rule in self._git.rules()]
        missing = [one for one in wanted if not (self.has if unmarked else self.marked)(*one)]
        extra = [one for one in ENTITIES if one not in wanted and self.marked(*one)]
        odd = [
            (key, value, self.git(*key))
            for key, value in self.values().items()
            if key[:2] in wanted and value != self.git(*key) and value not in self._accepted(*key)
        ]
        return [*missing, *odd, *([] if kept else extra), *self._items_that_differ(kept=kept)]

    def _items_that_differ(self, *, kept: bool) -> list[str]:
        entries = self._git.entries() if "alpha" in self._git.rules() else []
        if any(self._git.accepts(f"item/{one['item_id']}") for one in self.items()):
            return []  # which entry such an item is of cannot be told without deployer
        named = {one["item"] for one in entries if "item" in one}
        values = {one["value"] for one in entries if "item" not in one}
        live = {one["entries"][0]["value"] for one in self.items() if one["item_id"] not in named}
        there = {id for _, kind, id in self._world if kind == "item"}
        return [f"item {one}" for one in sorted(values - live | (set() if kept else live - values) | named - there)]

    def _moved(self, key: Field) -> bool:
        """Whether a field is not as deployer wrote it."""
        platform, rule, field = key
        document = self.document(platform, rule)
        written = self._written.get((platform, rule, portal.mark(platform, document) or ""))
        return written is not None and written[field] != portal.value(platform, document, field)

    def _open(self, wound: tuple[str, ...]) -> bool:
        """Whether it is still there, and is about something that Git wants."""
        kind, *rest = wound
        if kind == "item":
            return "alpha" in self._git.rules() and bool(self._items_that_differ(kept=True))
        if kind == "view":
            return "alpha" in self._git.rules()
        platform, rule = rest
        return rule in self._git.rules() and not self.marked(platform, rule)

    def _require_untouched(self, before: dict[tuple[str, str, str], Any]) -> None:
        theirs = {key: _steady(one) for key, one in before.items() if not self._ours(key)}
        now = {key: _steady(one) for key, one in self._world.items() if not self._ours(key)}
        assert now == theirs

    def _ours(self, key: tuple[str, str, str]) -> bool:
        platform, kind, id = key
        if kind == "rule":
            return id in (RULES if platform == "kibana" else map(rule_uuid, RULES))
        return id.startswith("deployer-") or id in self._claimed

    def _require_kept(self, before: dict[tuple[str, str, str], Any], platform: str, rule: str, *, may_go: bool) -> None:
        old = before.get((platform, "rule", rule if platform == "kibana" else rule_uuid(rule)))
        new = self.document(platform, rule)
        if old is None:
            return
        if new is None or (platform == "kibana" and old["id"] != new["id"]):
            assert may_go, f"{platform} {rule} was deleted"
            self._forget(platform, rule)
            return
        gifts = self._gifts.get((platform, rule), {})
        block = new if platform == "kibana" else new["properties"]
        for gift, value in gifts.items():
            if gift == "list":
                assert set(value) <= {one["list_id"] for one in new["exceptions_list"]}, rule
            elif gift == "actions":
                assert [one["id"] for one in block[gift]] == [one["id"] for one in value], rule
            else:
                assert block.get(gift) == value, rule


def _steady(document: Any) -> Any:
    return {name: value for name, value in document.items() if name not in VOLATILE}
