"""Azure Resource Manager's token buckets: one per subscription, principal and kind of operation.

Sources: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (sizes,
rates, headers) and answers of the service in public logs of 2025 and 2026 (code, message, and 10 seconds to wait; the
words of `write` and `delete` are inferred from those of `read`). Not here: the limit over all principals of a
subscription, 15 times as high, tenants' own buckets (the emulator has no such operation), and regions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager

from deployer.emulator.arm.access import user_of
from deployer.emulator.arm.errors import error_body
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Refused

_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_KINDS = {"GET": "read", "HEAD": "read", "OPTIONS": "read", "DELETE": "delete"}


@contextmanager
def gate(call: Call) -> Iterator[Mapping[str, str]]:
    """Take a token; gives the header that says how many are left. Raises Refused (429) when there is none.

    Who is not known, or asks for no subscription, takes none.
    """
    user, found = user_of(call), _SUBSCRIPTION.match(call.path)
    if user is None or found is None:
        yield {}
        return
    kind = _KINDS.get(call.method, "write")
    size, refill = call.world.setting(f"arm_{kind}s")
    key = "arm", found[1].lower(), user, kind
    left = call.world.limits.buckets.take(key, size, refill, call.world.clock.elapsed())
    header = f"x-ms-ratelimit-remaining-subscription-{kind}s"
    if left is None:
        raise _throttled(kind, found[1], user, call.world.setting("arm_retry_after"), header)
    yield {header: str(left)}


def _throttled(kind: str, subscription: str, user: str, seconds: int, header: str) -> Refused:
    message = (
        f"Number of '{kind}' requests for subscription '{subscription}' actor '{user}' exceeded. Please try again "
        f"after '{seconds}' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for "
        "additional information."
    )
    headers = {"Retry-After": str(seconds), header: "0"}
    return Refused(Answer(error_body("SubscriptionRequestsThrottled", message), 429, headers))
