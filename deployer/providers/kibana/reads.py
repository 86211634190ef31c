"""What a rule reads, as Git has it. Pure; what the query itself reads stands in the query."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from deployer.model import PlatformRule
from deployer.state import Reads


def of(half: PlatformRule, body: Mapping[str, Any]) -> Reads:
    """Index patterns, declared fields and look-back of a rule whose canonical body is `body`."""
    # A data view of somebody else's wins over the patterns, and what it holds is not in Git.
    index = None if half.fields.get("data_view_id") else half.fields.get("index")
    view = half.fields.get("data_view")
    runtime = view.get("runtimeFieldMap") if isinstance(view, Mapping) else None
    declared = [field for field in body.get("required_fields") or () if isinstance(field, Mapping)]
    return Reads(
        sources=tuple(map(str, index)) if isinstance(index, Sequence) and not isinstance(index, str) else (),
        fields={str(field.get("name")): str(field.get("type") or "") for field in declared},
        computed=tuple(sorted(runtime)) if isinstance(runtime, Mapping) else (),
        look_back=str(body.get("from") or ""),
    )
