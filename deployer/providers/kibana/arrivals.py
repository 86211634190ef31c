"""Asks the cluster below a Kibana whether the data of a rule arrives; what it refuses or cannot say is not known."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import TypeAlias

from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Unreachable
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.providers.kibana import arrival
from deployer.state import Resource

if TYPE_CHECKING:
    from deployer.providers.kibana.elastic import Elastic

Connect: TypeAlias = Callable[[], "Elastic"]
_SETTING = "name `elasticsearch: {url, credential}` in the target"
_READ = "give the credential `read` and `view_index_metadata` on the rule's indices"


class Arrivals:
    """The level data, rule by rule: two requests each, one more for indicators, and one before it is said that
    something does not arrive.

    The cluster is connected to when it is first asked. One that does not answer at all is not asked for the next rule:
    each would wait as long.
    """

    def __init__(self, connect: Connect | None) -> None:
        self._connect = connect
        self._elastic: Elastic | None = None
        self._silent: ProviderError | None = None

    def close(self) -> None:
        """Let go of connections; the next question starts anew."""
        if self._elastic is not None:
            self._elastic.close()
        self._elastic, self._silent = None, None

    def of(self, wanted: Resource) -> Level:
        """Whether the data of this rule arrives."""
        if self._connect is None:
            return _unknown(wanted, "Elasticsearch is not asked", _SETTING)
        try:
            if self._silent is not None:
                raise self._silent
            if self._elastic is None:
                self._elastic = self._connect()
            return _level(self._elastic, wanted)
        except arrival.Untold as error:
            return _unknown(wanted, str(error))
        except ProviderError as error:
            if soon := isinstance(error, Overloaded | Unreachable):
                self._silent = error
            said = f"Elasticsearch could not be asked: {error}"
            return _unknown(wanted, said, _READ if isinstance(error, Denied) else "", awaited=soon)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return _unknown(wanted, f"Elasticsearch's answer is not as documented: {type(error).__name__}: {error}")


def _level(elastic: "Elastic", wanted: Resource) -> Level:
    asked = arrival.question(wanted)
    found = elastic.capabilities(asked.patterns, asked.fields())
    if not found.indices:
        seen = f"no index that the credential may read matches {', '.join(asked.patterns)}"
        return _believed(elastic, arrival.unmatched(wanted.key, asked), asked.patterns, seen)
    level = arrival.judge(wanted.key, asked, found, elastic.search(asked.patterns, asked.search(found)))
    if asked.indicators and level.answer is not Answer.FAIL:
        none = arrival.judge_indicators(wanted.key, asked, elastic.search(asked.indicators, arrival.COUNT))
        if none is not None:
            return _believed(elastic, none, asked.indicators)
    return _believed(elastic, level, asked.patterns)


def _believed(elastic: "Elastic", level: Level, patterns: Sequence[str], seen: str = "") -> Level:
    """The same level; that something is not there is believed only of a credential that may read everything."""
    if level.answer is not Answer.FAIL or elastic.may_read(patterns):
        return level
    said = seen or f"{level.reason}, as far as the credential may read"
    return replace(level, answer=Answer.UNKNOWN, reason=said, setting=_READ)


def _unknown(wanted: Resource, reason: str, setting: str = "", *, awaited: bool = False) -> Level:
    return Level(wanted.key, "data", Answer.UNKNOWN, reason, setting, awaited)
