"""Which indices a rule reads: Elasticsearch's index patterns, exclusions and other clusters included.

https://www.elastic.co/docs/reference/elasticsearch/rest-apis/api-conventions#api-multi-index
"""

import re
from collections.abc import Iterable
from collections.abc import Sequence

from deployer.errors import NotRunnable


def select(patterns: Sequence[str], indices: Iterable[str]) -> tuple[str, ...]:
    """The indices that the patterns name, sorted. `-pattern` takes away from what the patterns before it named.

    `cluster:pattern` names indices of other clusters, whose names here are `cluster:index`; a pattern without a colon
    names local ones only.
    """
    known, found = sorted(set(indices)), set[str]()
    for pattern in (part.strip() for whole in patterns for part in whole.split(",")):
        if pattern.startswith("<"):
            raise NotRunnable(f"{pattern}: an index name with date math")
        cluster, separator, local = pattern.rpartition(":")
        if pattern.startswith("-"):
            found -= set(_matching(pattern[1:], known))
        elif separator and local.startswith("-"):
            found -= set(_matching(f"{cluster}:{local[1:]}", known))
        else:
            found |= set(_matching(pattern, known))
    return tuple(sorted(found))


def _matching(pattern: str, indices: Iterable[str]) -> list[str]:
    wanted = pattern.rpartition(":")
    return [index for index in indices if all(map(_fits, wanted, index.rpartition(":")))]


def _fits(pattern: str, name: str) -> bool:
    if not pattern or not name:
        return pattern == name
    wanted = "*" if pattern == "_all" else pattern
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split("*")), name) is not None
