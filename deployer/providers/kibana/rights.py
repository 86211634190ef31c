"""Whose rights the rules of a space run with.

A rule runs with an API key: the one that its last write came with, or one that Kibana made of the login of whoever
wrote it (`api_key_created_by_user`). It has the rights of `api_key_owner`, and when that person leaves or the key is
revoked, the rule stops (kibana issue 159445). Whether an owner is a person or a service cannot be told; whether it is
the user that we are can, and nobody else's key belongs in a rule that comes from Git.
"""

from typing import Any

from deployer.errors import ProviderError
from deployer.outcome import RunsAs
from deployer.providers.kibana.api import KibanaApi
from deployer.state import Resource

_MEND = "`deployer apply --rekey` rewrites it with the key of that run"


class Rights:
    """Asks Kibana, one rule at a time; what it refuses is said and stops nothing."""

    def __init__(self, api: KibanaApi) -> None:
        self._api = api
        self._refused = ""
        self._ourselves: str | None = None
        self._asked = False

    def of(self, live: Resource) -> RunsAs:
        """Whose rights this rule has. After one refusal of the whole route it is not asked again."""
        if not self._refused:
            try:
                found = self._api.running(str(live.observed.get("id")))
                if found is not None:
                    return self._told(live, found)
                self._refused = (
                    "GET /api/alerting/rule answered 404 for a rule that is there: it does not show detection rules"
                )
            except ProviderError as error:
                self._refused = str(error)
        return RunsAs(live.key, None, note=self._refused)

    def _told(self, live: Resource, found: dict[str, Any]) -> RunsAs:
        owner, by_user = found.get("api_key_owner"), found.get("api_key_created_by_user")
        if not isinstance(owner, str) or not owner:
            return RunsAs(live.key, None, note="it has no API key: it was not enabled since it was made")
        api_key = by_user if isinstance(by_user, bool) else None
        return RunsAs(live.key, owner, api_key, self._warning(owner))

    def _warning(self, owner: str) -> str:
        ourselves = self._user()
        if ourselves is None or owner == ourselves:
            return ""
        return f"that is not the user of this run ({ourselves}), and the rule stops when the key is revoked; {_MEND}"

    def _user(self) -> str | None:
        """The user that our credential belongs to; None if Kibana does not say."""
        if not self._asked:
            self._asked = True
            try:
                name = self._api.privileges().get("username")
            except ProviderError:
                name = None
            self._ourselves = name if isinstance(name, str) and name else None
        return self._ourselves
