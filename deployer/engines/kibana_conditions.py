"""What holds for a document: the leaf queries of Elasticsearch as conditions in DuckDB's SQL.

Every condition is true or false, never null: a missing field fails it, so its negation holds. Where a field has several
values one is enough. A value that cannot be read as the type of its field fails the search there (`failed to create
query`, HTTP 400), and is `BadQuery` here; a field that no mapping has matches nothing.
https://www.elastic.co/docs/reference/query-languages/query-dsl/term-level-queries
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime

from deployer.engines.kibana_dates import math_span
from deployer.engines.kibana_sql import any_value
from deployer.engines.kibana_sql import clauses
from deployer.engines.kibana_sql import column
from deployer.engines.kibana_sql import has
from deployer.engines.kibana_sql import has_any
from deployer.engines.kibana_sql import is_long
from deployer.engines.kibana_sql import like
from deployer.engines.kibana_sql import like_pattern
from deployer.engines.kibana_sql import like_text
from deployer.engines.kibana_sql import nested_table
from deployer.engines.kibana_sql import text
from deployer.engines.kibana_sql import whole_bound
from deployer.engines.kibana_sql import within_any
from deployer.engines.kibana_types import NESTED
from deployer.engines.kibana_types import Family
from deployer.engines.kibana_types import addresses
from deployer.engines.kibana_types import family
from deployer.engines.kibana_types import nested_parent
from deployer.engines.kibana_types import real
from deployer.engines.kibana_types import tokens
from deployer.engines.kibana_types import truth
from deployer.engines.kibana_types import whole
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

# Every document has these (Elasticsearch reference, metadata fields).
_METADATA = frozenset(("_id", "_index", "_ignored", "_routing", "_source", "_tier"))
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def refuse_unseen(field: str, fields: Mapping[str, str]) -> None:
    """`NotRunnable` for a field that is there without a mapping of its own: a part of a flattened one, or metadata."""
    if field in _METADATA:
        raise NotRunnable(f"{field}: a field of Elasticsearch's own, which documents here do not have")
    names = field.split(".")
    for parent in (".".join(names[:count]) for count in range(1, len(names))):
        if fields.get(parent) == "flattened":
            raise NotRunnable(f"{field}: {parent} is of type flattened, which is not run here")


class Condition:
    """Makes conditions on documents whose fields have the given Elasticsearch types."""

    def __init__(self, fields: Mapping[str, str], now: datetime | None, within: str | None = None) -> None:
        self.fields = fields
        self.within = within
        # The fields that the conditions made so far ask for.
        self.read: set[str] = set()
        # Those among them that no mapping has.
        self.unmapped: set[str] = set()
        self._now = now

    def nested(self, path: str, make: Callable[["Condition"], str]) -> str:
        """The `nested` query: one object of a nested field passes what `make` makes of it."""
        if self.within:
            raise NotRunnable(f"{path}: nested within {self.within}")
        if self.fields.get(path) != NESTED:
            raise BadQuery(f"[nested] failed to find nested object under path [{path}]")
        within = Condition(self.fields, self._now, path)
        inner = make(within)
        self.unmapped |= within.unmapped
        return f"_id in (select _id from {nested_table(path)} where {inner})"  # noqa: S608 - names are quoted

    def is_analysed(self, field: str) -> bool:
        """Whether its values are looked for by their words."""
        return self._family(field) is Family.TEXT

    def term(self, field: str, value: str) -> str:
        """The `term` query: in a text field one word, exactly as written."""
        if self.is_analysed(field):
            is_word = not re.search(r"\s", value)
            return any_value(field, lambda v: f"contains({v}, {text(f' {value} ')})") if is_word else "false"
        return self._equals(field, value)

    def phrase(self, field: str, value: str) -> str:
        """The `match_phrase` query: in a text field a run of words; elsewhere the value, as `term`."""
        if self.is_analysed(field):
            return self._contains(field, [tokens(value)])
        return self._equals(field, value)

    def match(self, field: str, value: str) -> str:
        """The `match` query: on a text field one of the words is enough."""
        if self.is_analysed(field):
            return self._contains(field, [[token] for token in tokens(value)])
        return self._equals(field, value)

    def any_of(self, field: str, values: Sequence[str]) -> str:
        """The `terms` query: what `term` gives for each, in one go where that is quicker."""
        if self._family(field) is Family.IP:
            ranges = [self._addresses(field, value) for value in values]
            return any_value(field, lambda each: within_any(each, ranges)) if ranges else "false"
        each = [self.term(field, value) for value in values]
        match self._family(field):
            case None:
                return "false"
            case Family.EXACT:
                return has_any(field, [text(value) for value in values])
            case Family.WHOLE:
                return has_any(field, [str(int(whole(value))) for value in values if is_long(whole(value))])
            case _:
                return f"({' or '.join(each)})" if each else "false"

    def any_phrase(self, field: str, values: Sequence[str]) -> str:
        """What `phrase` gives for each of the values."""
        if not self.is_analysed(field):
            return self.any_of(field, values)
        return self._contains(field, [tokens(value) for value in values])

    def exists(self, field: str) -> str:
        """The `exists` query: any value at all; for the name of an object, any of its fields."""
        if field in self.fields:
            self._family(field)
            return f"coalesce(len({column(field)}) > 0, false)"
        refuse_unseen(field, self.fields)
        parts = [name for name in sorted(self.fields) if name.startswith(f"{field}.") and self._is_near(name)]
        self.unmapped |= set() if parts else {field}
        return f"({' or '.join(self.exists(name) for name in parts)})" if parts else "false"

    def range(self, field: str, bounds: Mapping[str, str]) -> str:
        """The `range` query; the bounds are named gt, gte, lt and lte."""
        kind = self._family(field)
        if kind is None:
            return "false"
        if kind in (Family.TEXT, Family.BOOLEAN, Family.CASELESS):
            raise NotRunnable(f"{field}: a range over a field of type {self.fields[field]}")
        tests = [self._bound(field, kind, word, value) for word, value in bounds.items()]
        return any_value(field, lambda each: " and ".join(f"{each} {sign} {bound}" for sign, bound in tests))

    def wildcard(self, field: str, parts: tuple[str, ...]) -> str:
        """A kuery value with wildcards: the `wildcard` query on keyword fields, `query_string` on all others."""
        kind = self._family(field)
        if kind is None:
            return "false"
        if self.fields[field] == "keyword":
            return self._like(field, kind, "%".join(like_text(part) for part in parts))
        if kind not in (Family.TEXT, Family.EXACT):
            raise self._no_wildcard(field)
        if kind is Family.TEXT:
            parts = tuple(part.lower() for part in parts)
        found = []
        for words in clauses(parts):
            if len(words) > 1:
                found.append(self._like(field, kind, "%".join(like_text(word) for word in words)))
            else:
                found.append(self.match(field, words[0]))
        return f"({' or '.join(found)})"

    def pattern(self, field: str, pattern: str, *, caseless: bool = False) -> str:
        r"""The `wildcard` query: `*` any text, `?` any character, `\` before a character that stands for itself."""
        kind = self._family(field)
        if kind is None:
            return "false"
        if kind not in (Family.TEXT, Family.EXACT, Family.CASELESS):
            raise self._no_wildcard(field)
        return self._like(field, kind, like_pattern(pattern), caseless)

    def prefix(self, field: str, value: str, *, caseless: bool = False) -> str:
        """The `prefix` query."""
        kind = self._family(field)
        if kind is None:
            return "false"
        if kind not in (Family.TEXT, Family.EXACT, Family.CASELESS):
            raise self._no_wildcard(field)
        return self._like(field, kind, f"{like_text(value)}%", caseless)

    def caseless_term(self, field: str, value: str) -> str:
        """The `term` query with `case_insensitive`."""
        if self._family(field) in (Family.EXACT, Family.CASELESS, Family.TEXT):
            return self._like(field, self._family(field), like_text(value), caseless=True)
        return self._equals(field, value)

    def _family(self, field: str) -> Family | None:
        """None for a field without a mapping; `NotRunnable` for one of a type that is not run here."""
        if not self._is_near(field):
            raise NotRunnable(
                f"{field}: a part of a nested field, asked for outside of it: Kibana refuses that in a query, and "
                "finds nothing by it in filters and exceptions"
            )
        if field not in self.fields:
            refuse_unseen(field, self.fields)
            self.unmapped.add(field)
            return None
        found = family(field, self.fields[field])
        self.read.add(field)
        if found is None:
            raise NotRunnable(f"{field}: fields of type {self.fields[field]} are not run here")
        return found

    def _is_near(self, field: str) -> bool:
        """Whether it is a field of the document, or of the nested object, that is asked about."""
        return nested_parent(field, self.fields) == self.within

    def _equals(self, field: str, value: str) -> str:
        kind = self._family(field)
        match kind:
            case None:
                return "false"
            case Family.EXACT:
                return has(field, text(value))
            case Family.CASELESS:
                return has(field, text(value.lower()))
            case Family.BOOLEAN:
                return has(field, str(truth(value)).lower())
            case Family.WHOLE:
                number = whole(value)
                return has(field, str(int(number))) if is_long(number) else "false"
            case Family.REAL:
                return has(field, f"{real(value)!r}::DOUBLE")
            case Family.DATE:
                first, last = math_span(value, self._now)
                return any_value(field, lambda each: f"{each} between {first} and {last}")
            case Family.IP:
                low, high = self._addresses(field, value)
                if low == high:
                    return has(field, text(low))
                return any_value(field, lambda each: f"{each} between {text(low)} and {text(high)}")
            case _:
                raise AssertionError(kind)

    def _bound(self, field: str, kind: Family, word: str, value: str) -> tuple[str, str]:
        """Sign and bound of one end of a range."""
        match kind:
            case Family.WHOLE:
                return whole_bound(word, whole(value))
            case Family.REAL:
                return _SIGNS[word], f"{real(value)!r}::DOUBLE"
            case Family.DATE:
                # What a date names may be long: after a day is after its end, up to a day includes its end.
                first, last = math_span(value, self._now)
                return _SIGNS[word], str(first if word in ("gte", "lt") else last)
            case Family.IP:
                low, _ = self._addresses(field, value)
                if "/" in value:
                    raise BadQuery(f"{field}: a range needs an address, {value} is a range itself")
                return _SIGNS[word], text(low)
            case _:
                return _SIGNS[word], text(value)

    def _addresses(self, field: str, value: str) -> tuple[str, str]:
        try:
            return addresses(value)
        except ValueError:
            raise BadQuery(f'{field} is of type ip and "{value}" is no address or CIDR range') from None

    def _contains(self, field: str, phrases: list[list[str]]) -> str:
        """One of the phrases, each a run of tokens, in a text field. Of no tokens at all: nothing is found."""
        wanted = [text(f" {' '.join(phrase)} ") for phrase in phrases if phrase]
        if not wanted:
            return "false"
        return any_value(field, lambda each: " or ".join(f"contains({each}, {phrase})" for phrase in wanted))

    def _like(self, field: str, kind: Family | None, pattern: str, caseless: bool = False) -> str:
        if kind is Family.TEXT:
            # One token has to fit as a whole; the terms of a text field are in lower case.
            test = f"t <> '' and {like('t', pattern, caseless)}"
            return any_value(field, lambda each: f"len(list_filter(string_split({each}, ' '), lambda t: {test})) > 0")
        if kind is Family.CASELESS:
            pattern = pattern.lower()
        return any_value(field, lambda each: like(each, pattern, caseless))

    def _no_wildcard(self, field: str) -> BadQuery:
        kind = self.fields[field]
        return BadQuery(f"{field} is of type {kind}: Elasticsearch runs wildcards on keyword, text and wildcard only")
