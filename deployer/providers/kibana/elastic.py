"""Elasticsearch through Elastic's own client, over our own HTTP.

The client knows the API, its headers and its server; what goes over the wire goes through `Http`, so that the
credential, the CA, proxies, redirects and retries are as everywhere else. A 9.x client is refused by 8.x servers
(elasticsearch-py issue 2923), an 8.x client is served by both.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from elastic_transport import ApiResponseMeta
from elastic_transport import BaseNode
from elastic_transport import HttpHeaders
from elastic_transport import NodeConfig
from elastic_transport import ObjectApiResponse
from elastic_transport import TransportError
from elastic_transport._node import NodeApiResponse
from elasticsearch import ApiError
from elasticsearch import Elasticsearch
from elasticsearch import NotFoundError
from elasticsearch import UnsupportedProductError

from deployer.errors import BadAnswer
from deployer.errors import Refused
from deployer.providers.http import Http
from deployer.providers.kibana.arrival import Capabilities

Value = TypeVar("Value")


class _Absent(Refused):
    """There is nothing of that name."""


class Elastic:
    """One cluster, read only. Every method may raise `ProviderError`."""

    def __init__(self, http: Http) -> None:
        self._http = http

        class Node(BaseNode):
            """The client's way out: `http`."""

            def perform_request(
                self,
                method: str,
                target: str,
                body: bytes | None = None,
                headers: HttpHeaders | None = None,
                request_timeout: Any = None,
            ) -> NodeApiResponse:
                answer = http.exchange(method, target, headers=dict(headers or {}), content=body)
                told = HttpHeaders(answer.headers)
                meta = ApiResponseMeta(answer.status, "1.1", told, 0.0, self.config)
                return NodeApiResponse(meta, answer.content)

            def close(self) -> None:
                http.close()

        # The address is the node's alone to know; this one only keeps the client's own checks content.
        config = NodeConfig("http", "localhost", 80)
        self._client = Elasticsearch([config], node_class=Node, max_retries=0, meta_header=False)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def capabilities(self, patterns: Sequence[str], fields: Sequence[str]) -> Capabilities:
        """What the mappings say of these fields; patterns that match nothing have no indices."""
        answer = self._ask(
            lambda: self._client.field_caps(
                index=list(patterns), fields=list(fields), ignore_unavailable=True, allow_no_indices=True
            )
        )
        return Capabilities(tuple(answer["indices"]), answer["fields"])

    def search(self, patterns: Sequence[str], body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a search that asks for no documents, only for counts."""
        return self._ask(
            lambda: self._client.search(index=list(patterns), ignore_unavailable=True, allow_no_indices=True, **body)
        )

    def alerts(self, index: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer to a search for documents of one index; None where there is none of that name.

        An index that the credential may not read is refused here: `search` would answer as if it held nothing.
        """
        try:
            return self._ask(lambda: self._client.search(index=index, **body))
        except _Absent:
            return None

    def may_read(self, patterns: Sequence[str]) -> bool:
        """Whether the credential may read everything that these patterns could match; indices that it may not read
        are left out of every answer, as if they were not there. Of other clusters it cannot be told.
        """
        names = [pattern for pattern in patterns if not pattern.startswith("-")]
        if any(":" in name for name in names):
            return False
        answer = self._ask(
            lambda: self._client.security.has_privileges(
                index=[{"names": names, "privileges": ["read", "view_index_metadata"]}]
            )
        )
        return answer["has_all_requested"] is True

    def _ask(self, call: Callable[[], ObjectApiResponse[Any]]) -> Mapping[str, Any]:
        try:
            answer = call().body
        except UnsupportedProductError:
            raise BadAnswer(f"{self._http.base} does not answer as Elasticsearch does; is the url right?") from None
        except ApiError as error:
            absent = isinstance(error, NotFoundError) and error.error == "index_not_found_exception"
            said = f"{error.status_code} from {self._http.base}: {error.message}"
            raise (_Absent if absent else Refused)(said) from None
        except TransportError as error:
            raise BadAnswer(f"{self._http.base} answered something unreadable: {type(error).__name__}") from None
        if not isinstance(answer, Mapping):
            raise BadAnswer(f"{self._http.base} answered something that is not an object; is this Elasticsearch?")
        return answer
