"""The Kusto type of an expression, as far as it can be told before the query runs."""

from collections.abc import Iterable
from collections.abc import Mapping

from duckdb_kql import ir

# Column -> Kusto type, None where it is not known; in the columns' order.
Columns = Mapping[str, str | None]

_ALIASES = {
    "boolean": "bool",
    "double": "real",
    "float": "real",
    "date": "datetime",
    "time": "timespan",
    "uuid": "guid",
    "uniqueid": "guid",
    "int32": "int",
    "uint": "int",
    "int64": "long",
    "ulong": "long",
}
NUMBERS = frozenset(["int", "long", "real", "decimal"])
_NAMES_BY_TYPE = {
    "long": "tolong datetime_diff strlen array_length countof indexof hourofday count countif dcount dcountif",
    "int": "toint dayofmonth monthofyear getyear",
    "real": "todouble toreal avg avgif stdev variance sqrt log exp pow",
    "string": """tostring strcat strcat_delim tolower toupper substring replace_string replace_regex extract trim
        trim_start trim_end format_datetime""",
    "datetime": "now ago todatetime startofday endofday datetime_add make_datetime",
    "timespan": "totimespan dayofweek",
    "bool": """isempty isnotempty isnull isnotnull not tobool toboolean ipv4_is_private ipv4_is_in_range
        ipv4_is_in_any_range ipv4_is_match ipv6_is_in_range ipv6_is_in_any_range ipv6_is_match""",
    "dynamic": """parse_json todynamic pack_array bag_pack split range parse_url make_set make_list make_set_if
        make_list_if""",
}
_RETURNS = {name: kind for kind, names in _NAMES_BY_TYPE.items() for name in names.split()}
# The type is that of the argument at this place.
_LIKE = {
    **dict.fromkeys(["min", "max", "minif", "maxif", "take_any", "any", "bin", "floor"], 0),
    **dict.fromkeys(["iff", "iif", "case"], 1),
}
_ARITHMETIC = frozenset("+-*/%")


def normal(name: str) -> str:
    """A type's one name: `double` is `real`."""
    return _ALIASES.get(name, name)


def comparable(one: str | None, other: str | None) -> bool:
    """Whether Kusto compares them: a text with a number, a time or a truth value is an error there."""
    kinds = {one, other}
    return (
        None in kinds
        or "dynamic" in kinds
        or "null" in kinds
        or len(kinds) == 1
        or "string" not in kinds
        or "guid" in kinds
    )


def of(expression: ir.Expr, columns: Columns) -> str | None:
    """The type, or None where it depends on what is not known here."""
    match expression:
        case ir.Literal(kind=kind) | ir.Parameter(kind=kind):
            return kind
        case ir.ColumnRef(name=name):
            return columns.get(name)
        case ir.LetRef(name=name, value=value):
            return columns[name] if name in columns else of(value, columns)
        case ir.UnaryOp(op="-", operand=operand):
            return of(operand, columns)
        case ir.UnaryOp() | ir.InList() | ir.HasList() | ir.Between():
            return "bool"
        case ir.BinaryOp(op=op, left=left, right=right):
            return _arithmetic(op, of(left, columns), of(right, columns)) if op in _ARITHMETIC else "bool"
        case ir.PathAccess():
            return "dynamic"
        case ir.FunctionCall(name=name, args=args):
            return _call(name.lower(), args, columns)
        case _:
            return None


def _call(name: str, args: tuple[ir.Expr, ...], columns: Columns) -> str | None:
    if name in _RETURNS:
        return _RETURNS[name]
    if name in ("coalesce", "max_of", "min_of"):
        return _first(of(argument, columns) for argument in args)
    place = _LIKE.get(name)
    kind = of(args[place], columns) if place is not None and place < len(args) else None
    # Whole numbers are rounded down to long ones.
    return "long" if name in ("bin", "floor") and kind == "int" else kind


def _first(types: Iterable[str | None]) -> str | None:
    return next((one for one in types if one not in (None, "null")), None)


def _arithmetic(op: str, left: str | None, right: str | None) -> str | None:
    if left is None or right is None or "dynamic" in (left, right):
        return None
    if "real" in (left, right) and left in NUMBERS and right in NUMBERS:
        return "real"
    if left in ("int", "long") and right in ("int", "long"):
        return "long"
    if op == "-" and left == right == "datetime":
        return "timespan"
    return "datetime" if "datetime" in (left, right) and "timespan" in (left, right) else None
