"""What went wrong, in the words of the query's author: which name, where in the text, what was probably meant.

`NotRunnable` where the fault may be ours: Kusto has the construct, or may have it. `BadQuery` where it is the query's.
"""

import re

import duckdb
from duckdb_kql.errors import KqlError
from duckdb_kql.errors import KqlSchemaError
from duckdb_kql.errors import KqlSyntaxError
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.errors import SourceSpan

from deployer.engines import kusto_functions
from deployer.engines.kusto_words import bad_name
from deployer.engines.kusto_words import meant
from deployer.errors import BadQuery
from deployer.errors import EngineError
from deployer.errors import NotRunnable

# Kusto has them, the grammar that we parse with has not.
_UNREADABLE = re.compile(r"\b(table\s*\(|serialize\b)")
_WRITTEN = {"Mvapply": "mv-apply", "ExternalData": "externaldata", "Parenthesized": "a query in brackets as a source"}
_FUNCTION = re.compile(r"(?:function|aggregate):(\w+)")
# What Kusto has and cannot run here, of what rules use; any other function that is not known is none.
_ABSENT = frozenset(
    """
    array_iff array_index_of array_rotate_left array_shift_left array_slice array_sort_asc array_sort_desc
    array_split array_sum bag_has_key bag_keys bag_merge bag_remove_keys bag_set_key bag_zip bin_at bin_auto
    binary_all_and binary_all_or binary_all_xor binary_and binary_or binary_xor buildschema cluster_up
    column_names_of count_distinct count_distinctif covariance extract_json format_bytes format_ipv4
    format_ipv4_mask format_timespan geo_distance_2points geo_info_from_ip_address geo_point_in_polygon
    geo_point_to_geohash gzip_compress_to_base64_string gzip_decompress_from_base64_string has_any_index
    has_any_ipv4 has_any_ipv4_prefix has_ipv4 has_ipv4_prefix hash hash_combine hash_many hash_xxhash64
    indexof_regex ingestion_time ipv4_compare ipv4_netmask_suffix ipv4_range_to_cidr_list ipv6_compare isascii
    isutf8 make_bag make_bag_if make_list_with_nulls maxif minif new_guid next pack_all pack_dictionary
    parse_command_line parse_csv parse_ipv4_mask parse_ipv6_mask parse_path parse_urlquery parse_user_agent
    parse_version parse_xml percentiles percentiles_array prev punycode_from_string punycode_to_string rand
    range_bucket regex_quote repeat replace_strings row_cumsum row_number row_rank_dense row_rank_min
    row_window_session series_add series_decompose series_decompose_anomalies series_decompose_forecast
    series_fill_const series_fill_linear series_fir series_fit_line series_iir series_outliers
    series_periods_detect series_stats series_stats_dynamic set_difference set_equals set_has_element
    set_intersect set_union stdevp strrep to_utf8 todecimal toguid translate unicode_codepoints_from_string
    unicode_codepoints_to_string unixtime_microseconds_todatetime unixtime_milliseconds_todatetime
    unixtime_nanoseconds_todatetime unixtime_seconds_todatetime url_decode url_encode url_encode_component
    variancep week_of_year zlib_compress_to_base64_string zlib_decompress_from_base64_string
    """.split()
)


def of_translation(error: KqlError, query: str) -> EngineError:
    """What duckdb-kql makes of a query that it cannot translate."""
    match error:
        case KqlSyntaxError():
            first = error.diagnostics[0]
            return _of_syntax(first.message, first.span, query)
        case KqlUnsupportedError():
            return _of_construct(error, query)
        case _:
            return NotRunnable(f"cannot run here: {_sentence(error)}")


def of_database(error: duckdb.Error, query: str) -> EngineError:
    """What DuckDB makes of the SQL: types that do not fit are the query's, anything else is more than we can run."""
    text = re.split(r"\n", str(error))[0]
    if match := re.search(r'Referenced column "([^"]+)"', text):
        return bad_name(query, f"there is no column {match[1]} here", match[1])
    if isinstance(error, duckdb.BinderException | duckdb.ConversionException):
        return BadQuery(f"types do not fit: {text.removeprefix('Binder Error: ').removeprefix('Conversion Error: ')}")
    return NotRunnable(f"cannot run here: {text}")


def _of_syntax(message: str, span: SourceSpan, query: str) -> EngineError:
    line = query.splitlines()[span.line - 1] if span.line <= query.count("\n") + 1 else ""
    if match := _UNREADABLE.search(line[max(0, span.column - 10) :]):
        return NotRunnable(f"cannot run here: {match[1].removesuffix('(').strip()}")
    short = re.sub(r" expecting \{.*", "", message, flags=re.DOTALL).replace("'<EOF>'", "the query's end")
    return BadQuery(f"cannot be read: {short}", span.line, span.column + 1)


def _of_construct(error: KqlUnsupportedError, query: str) -> EngineError:
    if error.construct == "statement":
        return BadQuery(f"cannot be read: {error.hint}", 1, 1)
    name = _FUNCTION.fullmatch(error.construct)
    if name and name[1] not in kusto_functions.known() | _ABSENT:
        hint = meant(name[1], kusto_functions.known())
        return bad_name(query, f"there is no function {name[1]}{hint}", name[1])
    # What their text says of their own plans helps nobody here.
    hint = f" ({error.hint})" if error.hint and "wave" not in error.hint else ""
    return NotRunnable(f"cannot run here: {name[1] if name else _in_kql(error.construct)}{hint}")


def _sentence(error: KqlError) -> str:
    """What a schema error is about; what follows the first sentence advises callers of duckdb-kql."""
    if not isinstance(error, KqlSchemaError):
        return str(error)
    hint = (error.hint or "").split(". ")[0]
    return error.name if "cluster map" in hint else f"{error.name} ({hint})"


def _in_kql(construct: str) -> str:
    """What duckdb-kql calls by its grammar's name, as it is written: ProjectReorderOperator is project-reorder."""
    name = re.sub(r"^source:|(Operator|Expression|Statement)$", "", construct)
    return _WRITTEN.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower())
