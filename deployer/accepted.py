"""Drift that a tenant's file accepts: such a field is wanted as it is live, if it is exactly what was accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from deployer.diff import FieldChange
from deployer.diff import field_changes
from deployer.diff import undone
from deployer.model import Acceptance
from deployer.state import Key
from deployer.state import Resource
from deployer.state import as_json


@dataclass(frozen=True, slots=True)
class Accepted:
    """A field that differs from Git and is left so, because the tenant's file says it is accepted."""

    key: Key
    field: FieldChange
    acceptance: Acceptance


def as_accepted(
    git: Resource, found: Resource | None, acceptances: Sequence[Acceptance]
) -> tuple[Resource, list[Accepted]]:
    """What is wanted once the accepted live values are left as they are, and which those are.

    Of several acceptances of one value the one that lasts longest counts.
    """
    mine = [one for one in acceptances if one.object == str(git.key)]
    if found is None or not mine:
        return git, []
    left = [
        Accepted(git.key, field, max(fitting, key=lambda one: one.until))
        for field in field_changes(found.body, git.body)
        if (fitting := [one for one in mine if _fits(one, field)])
    ]
    return replace(git, body=undone(git.body, [one.field for one in left])), left


def _fits(one: Acceptance, field: FieldChange) -> bool:
    return field.path in one.fields and as_json(one.fields[field.path]) == as_json(field.before)


def idle(acceptances: Sequence[Acceptance], accepted: Sequence[Accepted]) -> tuple[tuple[Acceptance, str], ...]:
    """The fields of acceptances that nothing was accepted by."""
    used = {(one.acceptance.location, one.field.path) for one in accepted}
    return tuple((one, path) for one in acceptances for path in one.fields if (one.location, path) not in used)
