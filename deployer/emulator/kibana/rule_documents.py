"""A rule's document: defaults, normal form and the rules that no schema can say.

Source: Kibana's apply_rule_defaults.ts, request_validation/threshold.ts and rule_schedule.ts.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Iterator
from typing import Any

from deployer.emulator.calls import Document
from deployer.emulator.kibana import rule_shapes
from deployer.emulator.kibana.checks import kept
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import siem

DEFAULTS: Document = {
    "enabled": False,
    "risk_score_mapping": [],
    "severity_mapping": [],
    "interval": "5m",
    "from": "now-6m",
    "to": "now",
    "exceptions_list": [],
    "false_positives": [],
    "max_signals": 100,
    "actions": [],
    "related_integrations": [],
    "required_fields": [],
    "setup": "",
    "references": [],
    "threat": [],
    "tags": [],
    "author": [],
    "output_index": "",
    "version": 1,
}
_LANGUAGE = {"query", "saved_query", "threshold", "threat_match", "new_terms"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# Kibana compares name and type with the ECS it ships with; the emulator only looks at the first word.
_ECS_ROOTS = frozenset(
    {
        *("@timestamp", "agent", "client", "cloud", "container", "destination", "device", "dns", "event", "file"),
        *("group", "host", "http", "log", "message", "network", "observer", "process", "registry", "rule", "server"),
        *("service", "source", "threat", "tls", "url", "user"),
    }
)


def validated(body: Any, version: str, *, patched_type: str | None = None) -> Document:
    """The body with unknown keys dropped, or 400 in the shape that Kibana uses for this fault."""
    if not isinstance(body, dict):
        raise invalid("body", ["Expected object, received " + ("null" if body is None else type(body).__name__)])
    kind = patched_type if patched_type is not None else body.get("type")
    if not isinstance(kind, str) or kind not in rule_shapes.TYPES:
        expected = " | ".join(f"'{name}'" for name in rule_shapes.TYPES)
        raise invalid("body", [f"type: Invalid discriminator value. Expected {expected}"])
    shape = rule_shapes.patch_shape(kind) if patched_type else rule_shapes.create_shape(kind)
    if problems := [*shape.problems(body, ""), *_too_many_fields(body, version)]:
        raise invalid("body", problems)
    content: Document = kept(shape, body)
    if problems := [*_timeline(content), *_threshold(content, version)]:
        raise siem(400, problems)
    # `id` only finds a rule; `throttle` is written by old clients and never answered.
    return {name: value for name, value in content.items() if name not in ("id", "throttle")}


def completed(body: Document) -> Document:
    """The body with defaults filled in and in normal form."""
    rule = {**copy.deepcopy(DEFAULTS), **body}
    rule.setdefault("rule_id", str(uuid.uuid4()))
    if rule["type"] in _LANGUAGE:
        rule.setdefault("language", "kuery")
    if rule["type"] == "threat_match":
        rule.setdefault("threat_indicator_path", "threat.indicator")  # DEFAULT_INDICATOR_SOURCE_PATH
    if isinstance(job := rule.get("machine_learning_job_id"), str):
        rule["machine_learning_job_id"] = [job]  # normalizeMachineLearningJobIds
    if "threshold" in rule:
        field = rule["threshold"]["field"]
        rule["threshold"] = {
            **rule["threshold"],
            "field": field if isinstance(field, list) else [field] if field else [],
        }
        if "alert_suppression" in rule:
            rule["alert_suppression"] = {"duration": rule["alert_suppression"]["duration"]}
    rule["required_fields"] = [
        {"name": item["name"], "type": item["type"], "ecs": item["name"].split(".")[0] in _ECS_ROOTS}
        for item in rule["required_fields"]
    ]
    # Connectors are not emulated: an action may name one that does not exist.
    rule["actions"] = [
        {
            "uuid": str(uuid.uuid4()),
            "group": "default",
            "frequency": {"summary": True, "notifyWhen": "onActiveAlert", "throttle": None},
            **action,
        }
        for action in rule["actions"]
    ]
    return rule


def check_schedule(rule: Document, version: str) -> None:
    """400 for an interval that is no duration, or a look-back shorter than it."""
    seconds = _seconds(rule["interval"], r"(\d+)([smhd])")
    if not seconds:
        where = "Error validating create data - [schedule.interval]"
        raise siem(400, f"{where}: string is not a valid duration: {rule['interval']}")
    # Which release brought this check is not settled; it is in the newest builds.
    start, end = (_before_now(rule[name]) for name in ("from", "to"))
    if release(version) >= (9, 3) and start is not None and end is not None and start - end < seconds:
        raise siem(400, ["Rule look-back (to - from) must not be shorter than its interval"])


def interval_seconds(rule: Document) -> int:
    """How long it is from one run of a rule that has been checked to the next."""
    return _seconds(rule["interval"], r"(\d+)([smhd])") or 0


def release(version: str) -> tuple[int, int]:
    """Major and minor number of a version such as 9.3.0."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _too_many_fields(body: Document, version: str) -> Iterator[str]:
    threshold = body.get("threshold")
    fields = threshold.get("field") if isinstance(threshold, dict) else None
    # The published document of 9.2 and later has maxItems 5 (kibana pull request 227465).
    if isinstance(fields, list) and len(fields) > 5 and release(version) >= (9, 2):
        yield "threshold.field: Array must contain at most 5 element(s)"


def _threshold(body: Document, version: str) -> Iterator[str]:
    threshold = body.get("threshold")
    if threshold is None:
        return
    field = threshold["field"]
    fields = field if isinstance(field, list) else [field]
    if release(version) < (9, 2) and len(fields) > 3:
        yield "Number of fields must be 3 or less"
    if any(item["field"] in fields for item in threshold.get("cardinality", [])):
        yield "Cardinality of a field that is being aggregated on is always 1"


def _timeline(body: Document) -> Iterator[str]:
    if body.get("timeline_id") and not body.get("timeline_title"):
        yield 'when "timeline_id" exists, "timeline_title" must also exist'
    if body.get("timeline_title") and not body.get("timeline_id"):
        yield 'when "timeline_title" exists, "timeline_id" must also exist'


def _before_now(text: str) -> int | None:
    """How many seconds before now a simple date-math text is; None when it is not simple."""
    return 0 if text == "now" else _seconds(text, r"now-(\d+)([smhdw])")


def _seconds(text: str, pattern: str) -> int | None:
    found = re.fullmatch(pattern, text)
    return int(found[1]) * UNITS[found[2]] if found else None
