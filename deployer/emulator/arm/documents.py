"""A rule as the service stores and shows it: nulls, defaults, and what an api-version does not know."""

from __future__ import annotations

import uuid
from typing import Any

from deployer.emulator.arm.access import is_preview
from deployer.emulator.calls import Document

STABLE_KINDS = ("Fusion", "MicrosoftSecurityIncidentCreation", "Scheduled")
PREVIEW_KINDS = (*STABLE_KINDS, "MLBehaviorAnalytics", "NRT", "ThreatIntelligence")
# Since which preview a property is known (published descriptions, compared version by version).
_PREVIEW_PROPERTIES = {"subTechniques": "2023-12-01-preview", "sentinelEntitiesMappings": "2022-10-01-preview"}
_QUERY_KINDS = ("Scheduled", "NRT")

# What an unset property is shown as: reported and exported rules show these; which are null and which are empty is
# not settled, so a client must take them as the same.
_QUERY_UNSET: Document = {
    "description": "",
    "alertRuleTemplateName": None,
    "tactics": [],
    "techniques": [],
    "customDetails": None,
    "entityMappings": None,
    "alertDetailsOverride": None,
    "eventGroupingSettings": {"aggregationKind": "SingleAlert"},
    "incidentConfiguration": {
        "createIncident": True,
        "groupingConfiguration": {
            "enabled": False,
            "reopenClosedIncident": False,
            "lookbackDuration": "PT5H",
            "matchingMethod": "AllEntities",
            "groupByEntities": [],
            "groupByAlertDetails": None,
            "groupByCustomDetails": None,
        },
    },
}
_UNSET: dict[str, Document] = {
    "Scheduled": _QUERY_UNSET,
    "NRT": _QUERY_UNSET,
    "MicrosoftSecurityIncidentCreation": {
        "description": None,
        "alertRuleTemplateName": None,
        "displayNamesFilter": None,
        "displayNamesExcludeFilter": None,
        "severitiesFilter": None,
    },
}
_TEMPLATED: Document = {
    "displayName": "Advanced Multistage Attack Detection",
    "description": "Made from a template.",
    "severity": "High",
    "tactics": ["CommandAndControl"],
    "techniques": [],
}


def kinds(version: str) -> tuple[str, ...]:
    """The kinds of rule that an api-version knows."""
    return PREVIEW_KINDS if is_preview(version, "2021-09-01-preview") else STABLE_KINDS


def stored(kind: str, sent: Document, version: str) -> Document:
    """The properties to keep: what was sent, without what this api-version drops, completed with what was not."""
    unset = _UNSET.get(kind, _TEMPLATED)
    properties = {**unset, **{name: value for name, value in sent.items() if value is not None}}
    for name, since in _PREVIEW_PROPERTIES.items():
        if not is_preview(version, since):
            # That a stable version drops it in silence is how the older client libraries behave; not settled.
            properties.pop(name, None)
    override = properties.get("alertDetailsOverride")
    if isinstance(override, dict):
        nulls: Document = {"alertTacticsColumnName": None, "alertSeverityColumnName": None}
        properties["alertDetailsOverride"] = {**nulls, **override}
    return properties


def shown(rule: Document, version: str) -> Document:
    """The rule as this api-version shows it."""
    properties = dict(rule["properties"])
    for name, since in _PREVIEW_PROPERTIES.items():
        if not is_preview(version, since):
            properties.pop(name, None)
        elif rule["kind"] in _QUERY_KINDS:
            properties.setdefault(name, None)
    return {**{name: value for name, value in rule.items() if not name.startswith("_")}, "properties": properties}


def new_etag() -> str:
    """A fresh etag: quoted, inside the JSON string too."""
    digits = uuid.uuid4().hex
    return f'"{digits[:8]}-0000-0d00-0000-{digits[8:20]}"'


def same_etag(one: Any, other: Any) -> bool:
    """Whether two etags are the same, quoted or not, weak or not."""
    return _bare(one) == _bare(other)


def _bare(etag: Any) -> str:
    return str(etag).removeprefix("W/").strip('"')
