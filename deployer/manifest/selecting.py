"""Which rules a key of an overlay is for: a rule's id, a glob of ids, or `tag:` and a glob of tags."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from deployer.model import Rule

TAG = "tag:"


def selects(key: str, rule: Rule) -> bool:
    """Whether an overlay under `key` is for a rule, given as its own file has it. Of tags, case does not count."""
    if key.startswith(TAG):
        glob = key.removeprefix(TAG).lower()
        return any(fnmatchcase(tag, glob) for tag in tags(rule))
    return fnmatchcase(rule.id, key)


def rank(key: str, rule: Rule) -> int:
    """Where a key stands among those of its overlay, the general first: tags, globs, the rule's own id."""
    return 0 if key.startswith(TAG) else 2 if key == rule.id else 1


def tags(rule: Rule) -> frozenset[str]:
    """The tags that an overlay may name a rule by, in lower case.

    Its own, those of its `kibana:` block, its purpose, and the ids of its tactics and techniques as Sigma spells them:
    `attack.t1584.005`.
    """
    block = rule.kibana.fields.get("tags") if rule.kibana else None
    written = [tag for tag in block if isinstance(tag, str)] if isinstance(block, list) else []
    named = [named for line in rule.attack for named in (line.tactic, line.technique, line.subtechnique) if named]
    found = (*rule.tags, *written, rule.purpose, *(f"attack.{one.id}" for one in named if one.id))
    return frozenset(tag.lower() for tag in found)


def names(rules: Iterable[Rule]) -> frozenset[str]:
    """Every key that names one of the rules, but for globs: what a mistyped one may have meant."""
    return frozenset(name for rule in rules for name in (rule.id, *(f"{TAG}{tag}" for tag in tags(rule))))
