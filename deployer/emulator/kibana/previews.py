"""`rules/preview`: what a rule would have found, without writing the rule.

Source: security_solution preview_rules/route.ts. The rule runs `invocationCount` times, one interval apart, the last
time at `timeframeEnd`; each run sees the memory of those before it. The alerts go into an index of their own, which
only Elasticsearch shows: `/elasticsearch/.preview.alerts-security.alerts-SPACE/_search`, the preview's id being their
`kibana.alert.rule.uuid`. Nothing is remembered for the rule itself.
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from datetime import timedelta

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import milliseconds
from deployer.emulator.conditions import moment
from deployer.emulator.kibana import alerts
from deployer.emulator.kibana import memories
from deployer.emulator.kibana import rule_documents
from deployer.emulator.kibana import rules
from deployer.emulator.kibana.checks import Moment
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import Whole
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.executions import FAILED
from deployer.emulator.kibana.executions import NOT_RUN
from deployer.emulator.kibana.executions import PARTIAL
from deployer.emulator.kibana.executions import execute

TIMEOUT_SECONDS = 60.0
_PARAMETERS = Record({"invocationCount": Whole(), "timeframeEnd": Moment()})


def _preview(call: Call) -> Answer:
    version = str(call.world.setting("kibana_version"))
    content = rule_documents.validated(call.body, version)
    if problems := list(_PARAMETERS.problems(call.body, "")):
        raise invalid("body", problems)
    count, end = int(call.body["invocationCount"]), moment(call.body["timeframeEnd"])
    if count < 1 or end is None:
        logs = [{"errors": ["Invalid invocation count"], "warnings": [], "duration": 0, "emulated": True}]
        return Answer({"logs": logs, "emulated": True})
    rule = rules.stamped(call, rule_documents.completed(content))
    rule_documents.check_schedule(rule, version)
    logs, aborted = _invocations(call, rule, count, end)
    return Answer({"previewId": rule["id"], "logs": logs, "isAborted": aborted, "emulated": True})


def _invocations(call: Call, rule: Document, count: int, end: datetime) -> tuple[list[Document], bool]:
    """The log of each invocation, and whether time ran out; a failed one is the last."""
    every = timedelta(seconds=rule_documents.interval_seconds(rule))
    deadline = time.monotonic() + TIMEOUT_SECONDS
    most = int(call.world.setting("preview_runs")) or count
    history: memories.History = {}
    logs: list[Document] = []
    for number in range(count):
        if number >= most or time.monotonic() > deadline:
            return logs, True
        began, now = time.monotonic(), end - (count - 1 - number) * every
        execution = execute(call.world, call.scope, rule, now, history)
        found = alerts.documents(call.scope, rule, execution, str(uuid.uuid4()), now)
        if rule["type"] != "threshold":
            found = alerts.unseen(found, alerts.held(call.world, alerts.PREVIEWS, call.scope))
        if found:
            call.world.store.append(alerts.PREVIEWS, call.scope, rule["id"], found)
        history = memories.extended(rule, history, execution.alerts, now)
        # What no engine here can run is an error of the preview, lest it read as a preview without alerts.
        failed = execution.status in (FAILED, NOT_RUN)
        logs.append(
            {
                "errors": [execution.message] if failed else [],
                "warnings": [execution.message] if execution.status == PARTIAL else [],
                "startedAt": milliseconds(now),
                "duration": round((time.monotonic() - began) * 1000),
                "emulated": True,
            }
        )
        if failed:
            break
    return logs, False


ROUTES = (Route("POST", "/api/detection_engine/rules/preview", _preview),)
