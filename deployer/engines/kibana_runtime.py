"""Runtime fields of a data view. Painless does not run here; a few shapes of scripts are known for what they mean.

Known: the number of an hour (or of any other fixed span) since 1970, with and without a guard against a missing date:

    if (doc['@timestamp'].size() > 0) { emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L); }

Painless divides two longs towards zero, as DuckDB's `//` does.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from deployer.engines.kibana_sql import column
from deployer.engines.kibana_types import Family
from deployer.engines.kibana_types import family
from deployer.engines.rows import Row

# The type of a runtime field that cannot be run: whoever asks for it is refused by name.
UNKNOWN = "runtime field with a script of an unknown shape"

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DATE = r"doc\[(?P<quote>['\"])(?P<field>[^'\"]+)(?P=quote)\]"
_EMIT = re.compile(rf"emit\({_DATE}\.value\.toInstant\(\)\.toEpochMilli\(\)/(?P<span>[1-9]\d*)L?\);?")
_GUARD = re.compile(rf"if\({_DATE}\.size\(\)(?:>0|!=0)\)(?P<braces>\{{)?(?P<body>[^{{}}]*)(?(braces)\}})")


def runtime_fields(data_view: Row | None, fields: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Type and SQL (a list of values) of each runtime field; where it cannot be run the type is `UNKNOWN`."""
    given = (data_view or {}).get("runtimeFieldMap") or {}
    found = json.loads(given) if isinstance(given, str) else given
    return {name: _runtime_field(field, fields) for name, field in found.items()}


def _runtime_field(field: Any, fields: Mapping[str, str]) -> tuple[str, str]:
    shape = _bucket((field.get("script") or {}).get("source", ""))
    if shape is None or field.get("type") != "long":
        return UNKNOWN, "null"
    source, span, guarded = shape
    if family(source, fields.get(source, "")) is not Family.DATE or not (guarded or source == "@timestamp"):
        # Without a guard the script fails on a document that lacks the field; only @timestamp is there always.
        return UNKNOWN, "null"
    # Values of a field are sorted, and `value` is the first of them.
    return "long", f"case when len({column(source)}) > 0 then [list_min({column(source)}) // {span}] end"


def _bucket(script: str) -> tuple[str, int, bool] | None:
    """Field, span in milliseconds and whether the script is guarded; None for a script of another shape."""
    code = re.sub(r"\s+", "", _COMMENT.sub("", script))
    guard = _GUARD.fullmatch(code)
    emit = _EMIT.fullmatch(guard["body"] if guard else code)
    if emit is None or (guard and guard["field"] != emit["field"]):
        return None
    return emit["field"], int(emit["span"]), guard is not None
