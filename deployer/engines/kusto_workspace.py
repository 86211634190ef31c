"""The functions that a Sentinel workspace has beside Kusto's own: watchlists, health, the DNS parser of ASIM.

`_GetWatchlist`: learn.microsoft.com/azure/sentinel/watchlists-queries. `_Im_Dns`, its parameters and columns:
learn.microsoft.com/azure/sentinel/normalization-schema-dns; here it reads the native table ASimDnsActivityLogs only,
as its parser of that table does. `_SentinelHealth`: learn.microsoft.com/azure/sentinel/health-table-reference.
"""

import re
from collections.abc import Mapping

from deployer.engines.kusto_words import code
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

# The tables of the watchlists: one for each, named so, and the one that `_GetWatchlist` is written to read.
WATCHLIST = "watchlist "
WATCHLISTS = "watchlists"

# Parameter -> type and default, in their order.
_IM_DNS: Mapping[str, tuple[str, str]] = {
    "starttime": ("datetime", "datetime(null)"),
    "endtime": ("datetime", "datetime(null)"),
    "srcipaddr": ("string", "'*'"),
    "domain_has_any": ("dynamic", "dynamic([])"),
    "responsecodename": ("string", "'*'"),
    "response_has_ipv4": ("string", "'*'"),
    "response_has_any_prefix": ("dynamic", "dynamic([])"),
    "eventtype": ("string", "'lookup'"),
    "pack": ("bool", "false"),
}
# The native table holds no list of answers, so its parser gives nothing where one of these is asked for.
_WITHOUT_ANSWERS = ("response_has_ipv4", "response_has_any_prefix")
_DEFINITIONS = (
    f"function _GetWatchlist(alias:string) {{ {WATCHLISTS} | where WatchlistAlias == alias }}",
    "function _SentinelHealth() { SentinelHealth }",
    "function _SentinelAudit() { SentinelAudit }",
    f"""function _Im_Dns({", ".join(f"{name}:{kind}={default}" for name, (kind, default) in _IM_DNS.items())}) {{
        ASimDnsActivityLogs
        | where isnull(starttime) or TimeGenerated >= starttime
        | where isnull(endtime) or TimeGenerated <= endtime
        | where srcipaddr == '*' or SrcIpAddr == srcipaddr
        | where array_length(domain_has_any) == 0 or DnsQuery has_any (domain_has_any)
        | where responsecodename == '*' or EventResultDetails == responsecodename
        | where eventtype == '*' or EventType == eventtype or (eventtype == 'lookup' and EventType == 'Query')
        | extend EventStartTime = TimeGenerated, EventEndTime = TimeGenerated, EventSchema = 'Dns', Dvc = DvcHostname,
            DnsResponseCodeName = EventResultDetails, Domain = DnsQuery, IpAddr = SrcIpAddr, Src = SrcIpAddr,
            SessionId = DnsSessionId, Duration = DnsNetworkDuration, Process = SrcProcessName, User = SrcUsername,
            Hostname = SrcHostname
    }}""",
)
_CALL = re.compile(r"\b_Im_Dns\s*\(")
_ARGUMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?![=~])\s*(.*)", re.DOTALL)


def definitions() -> tuple[str, ...]:
    """The functions' definitions in KQL."""
    return _DEFINITIONS


def by_position(query: str) -> str:
    """The query with the named arguments of `_Im_Dns` in their places, which is all that duckdb-kql reads.

    Lines keep their numbers.
    """
    start = 0
    while match := _CALL.search(code(query), start):
        arguments, end = _arguments(query, match.end())
        placed = f"_Im_Dns({', '.join(_placed(arguments))})"
        lost = query.count("\n", match.start(), end) - placed.count("\n")
        query = query[: match.start()] + placed + "\n" * lost + query[end:]
        start = match.start() + len(placed)
    return query


def _placed(arguments: list[str]) -> list[str]:
    """The arguments in the parameters' order, with the default of each that is not given."""
    values = {name: default for name, (_, default) in _IM_DNS.items()}
    order = list(values)
    for place, argument in enumerate(arguments):
        match = _ARGUMENT.fullmatch(argument)
        name = match[1] if match else order[place] if place < len(order) else f"number {place + 1}"
        if name not in values:
            raise BadQuery(f"_Im_Dns has no parameter {name}")
        value = (match[2] if match else argument).strip()
        if name in _WITHOUT_ANSWERS and value != values[name]:
            raise NotRunnable(f"cannot run here: _Im_Dns with {name}")
        values[name] = value
    return list(values.values())


def _arguments(query: str, start: int) -> tuple[list[str], int]:
    """The arguments from behind the opening bracket on, and where the text goes on behind the closing one."""
    text, depth, begin, found = code(query), 1, start, []
    for place in range(start, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth == 0 or (depth == 1 and text[place] == ","):
            found.append(query[begin:place])
            begin = place + 1
        if depth == 0:
            return [one for one in found if one.strip()], place + 1
    raise BadQuery("a bracket of _Im_Dns is not closed")
