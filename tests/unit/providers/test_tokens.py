"""One token per credential and audience for a whole run."""

import time
from concurrent.futures import ThreadPoolExecutor

from azure.core.credentials import AccessToken

from deployer.providers.sentinel.credentials import SharedToken


class Source:
    """An identity that counts how often it is asked."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._lifetime = lifetime

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        time.sleep(0.01)
        self.asked.append(scopes)
        return AccessToken(f"token-{len(self.asked)}", int(time.time() + self._lifetime))


def test_many_threads_share_one_token_per_audience():
    source = Source()
    shared = SharedToken(source)

    with ThreadPoolExecutor(8) as pool:
        tokens = {token.token for token in pool.map(shared.get_token, ["a"] * 20)}
    shared.get_token("b")

    assert (tokens, source.asked) == ({"token-1"}, [("a",), ("b",)])


def test_a_token_that_is_about_to_expire_and_a_claims_challenge_ask_anew():
    short, challenged = Source(lifetime=60), Source()
    first, second = SharedToken(short), SharedToken(challenged)

    for _ in range(2):
        first.get_token("a")
    second.get_token("a")
    second.get_token("a", claims="x")

    assert (len(short.asked), len(challenged.asked)) == (2, 2)
