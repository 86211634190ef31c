"""What exception lists and their items may look like. Source: the published Security_Exceptions_API schemas."""

from __future__ import annotations

from deployer.emulator.kibana.checks import Anything
from deployer.emulator.kibana.checks import ByType
from deployer.emulator.kibana.checks import Items
from deployer.emulator.kibana.checks import Mapped
from deployer.emulator.kibana.checks import Moment
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import Text
from deployer.emulator.kibana.checks import Whole
from deployer.emulator.kibana.rule_shapes import LIST_TYPES
from deployer.emulator.kibana.rule_shapes import NON_EMPTY
from deployer.emulator.kibana.rule_shapes import STRINGS

NAMESPACE = Text(choices=("agnostic", "single"))
_OS_TYPES = Items(Text(choices=("linux", "macos", "windows")))
META = Mapped(Anything())

CREATE_LIST = Record(
    {"name": Text(), "description": Text(), "type": Text(choices=LIST_TYPES)},
    {
        "list_id": NON_EMPTY,
        "namespace_type": NAMESPACE,
        "tags": STRINGS,
        "meta": META,
        "os_types": _OS_TYPES,
        "version": Whole(1),
    },
)
UPDATE_LIST = Record(CREATE_LIST.required, {**CREATE_LIST.optional, "id": NON_EMPTY, "_version": Text()})

_OPERATOR = Text(choices=("excluded", "included"))
VALUE_LIST_TYPES = [
    "binary",
    "boolean",
    "byte",
    "date",
    "date_nanos",
    "date_range",
    "double",
    "double_range",
    "float",
    "float_range",
    "geo_point",
    "geo_shape",
    "half_float",
    "integer",
    "integer_range",
    "ip",
    "ip_range",
    "keyword",
    "long",
    "long_range",
    "shape",
    "short",
    "text",
]
_FIELD = {"field": NON_EMPTY, "operator": _OPERATOR}
_MATCH = Record({**_FIELD, "value": NON_EMPTY})
_MATCH_ANY = Record({**_FIELD, "value": Items(NON_EMPTY, minimum=1)})
_EXISTS = Record(_FIELD)
_LIST = Record({**_FIELD, "list": Record({"id": NON_EMPTY, "type": Text(choices=VALUE_LIST_TYPES)})})
_INSIDE = ByType({"match": _MATCH, "match_any": _MATCH_ANY, "exists": _EXISTS})
_NESTED = Record({"field": NON_EMPTY, "entries": Items(_INSIDE, minimum=1)})
ENTRY = ByType(
    {
        "match": _MATCH,
        "match_any": _MATCH_ANY,
        "list": _LIST,
        "exists": _EXISTS,
        "nested": _NESTED,
        "wildcard": _MATCH,
    }
)

CREATE_ITEM = Record(
    {
        "list_id": NON_EMPTY,
        "type": Text(choices=("simple",)),
        "name": NON_EMPTY,
        "description": Text(),
        # The published schema has no lower bound; earlier validators wanted one entry. Not settled: be strict.
        "entries": Items(ENTRY, minimum=1),
    },
    {
        "item_id": NON_EMPTY,
        "namespace_type": NAMESPACE,
        "expire_time": Moment(),
        "tags": Items(NON_EMPTY),
        "comments": Items(Record({"comment": NON_EMPTY})),
        "os_types": _OS_TYPES,
        "meta": META,
    },
)
UPDATE_ITEM = Record(
    {name: shape for name, shape in CREATE_ITEM.required.items() if name != "list_id"},
    {
        **CREATE_ITEM.optional,
        "list_id": NON_EMPTY,
        "id": NON_EMPTY,
        "_version": Text(),
        "comments": Items(Record({"comment": NON_EMPTY}, {"id": NON_EMPTY})),
    },
)
