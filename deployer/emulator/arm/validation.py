"""What Sentinel refuses in an alert rule. Ranges are documented or reported, not in the published schema.

Sources: AlertRules.json (required, enumerations), the product documentation (ranges, limits), reports of users
(techniques, read-only properties). Texts are the service's own only where a report quotes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from deployer.emulator.arm.durations import duration
from deployer.emulator.calls import Document

SEVERITIES = ("High", "Medium", "Low", "Informational")
TACTICS = frozenset(
    [
        "Reconnaissance",
        "ResourceDevelopment",
        "InitialAccess",
        "Execution",
        "Persistence",
        "PrivilegeEscalation",
        "DefenseEvasion",
        "CredentialAccess",
        "Discovery",
        "LateralMovement",
        "Collection",
        "Exfiltration",
        "CommandAndControl",
        "Impact",
        "PreAttack",
        "ImpairProcessControl",
        "InhibitResponseFunction",
    ]
)
ENTITY_TYPES = frozenset(
    [
        "Account",
        "Host",
        "IP",
        "Malware",
        "File",
        "Process",
        "CloudApplication",
        "DNS",
        "AzureResource",
        "FileHash",
        "RegistryKey",
        "RegistryValue",
        "SecurityGroup",
        "URL",
        "Mailbox",
        "MailCluster",
        "MailMessage",
        "SubmissionMail",
    ]
)
_QUERIED = {"displayName": str, "enabled": bool, "severity": str, "query": str}
_SUPPRESSED = {"suppressionEnabled": bool, "suppressionDuration": str}
_TEMPLATED = {"alertRuleTemplateName": str, "enabled": bool}
REQUIRED: dict[str, dict[str, type]] = {
    "Scheduled": {
        **_QUERIED,
        "queryFrequency": str,
        "queryPeriod": str,
        "triggerOperator": str,
        "triggerThreshold": int,
        **_SUPPRESSED,
    },
    "NRT": {**_QUERIED, **_SUPPRESSED},
    "Fusion": _TEMPLATED,
    "MLBehaviorAnalytics": _TEMPLATED,
    "ThreatIntelligence": _TEMPLATED,
    "MicrosoftSecurityIncidentCreation": {"displayName": str, "enabled": bool, "productFilter": str},
}
# AlertRules.json marks these read-only for rules that are made from a template.
READ_ONLY = ("displayName", "description", "severity", "tactics", "techniques", "subTechniques", "lastModifiedUtc")
QUERY_OPTIONAL: dict[str, type] = {
    "description": str,
    "alertRuleTemplateName": str,
    "templateVersion": str,
    "tactics": list,
    "techniques": list,
    "subTechniques": list,
    "entityMappings": list,
    "sentinelEntitiesMappings": list,
    "customDetails": dict,
    "alertDetailsOverride": dict,
    "eventGroupingSettings": dict,
    "incidentConfiguration": dict,
}
_GROUPING = {"enabled": bool, "reopenClosedIncident": bool, "lookbackDuration": str, "matchingMethod": str}
_DYNAMIC = frozenset(
    [
        "AlertLink",
        "ConfidenceLevel",
        "ConfidenceScore",
        "ExtendedLinks",
        "ProductName",
        "ProviderName",
        "ProductComponentName",
        "RemediationSteps",
        "Techniques",
        "SubTechniques",
    ]
)
_WHOLE_DATABASE = re.compile(r"\b(search|union)\s+(?:\w+\s*=\s*\w+\s+)*\*")


def problems(kind: str, properties: Document) -> Iterator[str]:
    """One text per problem, the first of which the service would answer."""
    yield from _typed(REQUIRED[kind], properties, "")
    if REQUIRED[kind] is _TEMPLATED:
        for name in READ_ONLY:
            if name in properties:
                yield f"Read-only property '{name}' cannot be assigned"
        return
    if kind == "MicrosoftSecurityIncidentCreation":
        return
    yield from _typed(
        {name: kind for name, kind in QUERY_OPTIONAL.items() if properties.get(name) is not None}, properties, ""
    )
    yield from _enums(properties)
    yield from _query(properties)
    yield from _ranges(kind, properties)
    yield from _mitre(properties)
    yield from _entities(properties)
    yield from _details(properties)
    yield from _grouping(properties)


def _typed(required: dict[str, type], values: Document, path: str) -> Iterator[str]:
    for name, kind in required.items():
        value = values.get(name)
        if value is None:
            yield f"Required property '{path}{name}' not found in JSON"
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            yield f"Error converting value {value!r} of property '{path}{name}' to {kind.__name__}"


def _enums(properties: Document) -> Iterator[str]:
    yield from _one_of(properties, "severity", SEVERITIES)
    yield from _one_of(properties, "triggerOperator", ("GreaterThan", "LessThan", "Equal", "NotEqual"))
    for tactic in _strings(properties, "tactics"):
        if tactic not in TACTICS:
            yield f"The tactic '{tactic}' is invalid"
    grouping = properties.get("eventGroupingSettings")
    if isinstance(grouping, dict):
        yield from _one_of(grouping, "aggregationKind", ("SingleAlert", "AlertPerResult"))


def _one_of(values: Document, name: str, choices: tuple[str, ...]) -> Iterator[str]:
    value = values.get(name)
    if value is not None and value not in choices:
        yield f"Error converting value \"{value}\" of property '{name}'; expected one of {', '.join(choices)}"


def _query(properties: Document) -> Iterator[str]:
    query = properties.get("query")
    if not isinstance(query, str):
        return
    if not 1 <= len(query) <= 10_000:
        yield f"The length of the query must be between 1 and 10000 characters, it is {len(query)}"
    if found := _WHOLE_DATABASE.search(without_comments(query)):
        yield f"The query must not contain '{found[1]} *'"


def _ranges(kind: str, properties: Document) -> Iterator[str]:
    yield from _within(properties, "suppressionDuration", timedelta(minutes=5), timedelta(hours=24))
    if kind != "Scheduled":
        return
    for name in ("queryFrequency", "queryPeriod"):
        yield from _within(properties, name, timedelta(minutes=5), timedelta(days=14))
    frequency, period = (duration(properties.get(name)) for name in ("queryFrequency", "queryPeriod"))
    if frequency is not None and period is not None and frequency > period:
        yield "The query frequency must not be longer than the query period"
    threshold = properties.get("triggerThreshold")
    # An upper bound is not settled.
    if isinstance(threshold, int) and threshold < 0:
        yield "The trigger threshold must not be negative"


def _within(values: Document, name: str, least: timedelta, most: timedelta) -> Iterator[str]:
    value = values.get(name)
    if not isinstance(value, str):
        return
    length = duration(value)
    if length is None:
        yield f"The property '{name}' is not an ISO 8601 duration: '{value}'"
    elif not least <= length <= most:
        yield f"The property '{name}' must be between {least} and {most}: '{value}'"


def _mitre(properties: Document) -> Iterator[str]:
    techniques = _strings(properties, "techniques")
    for technique in techniques:
        if not re.fullmatch(r"T\d{4}", technique):
            # azurerm issue 28801; the rest of the text is not known.
            yield f"Invalid data model. [: The technique '{technique}' is invalid. The expected format is 'T####'.]"
    for technique in _strings(properties, "subTechniques"):
        if not re.fullmatch(r"T\d{4}\.\d{3}", technique):
            text = f"The sub-technique '{technique}' is invalid. The expected format is 'T####.###'."
            yield f"Invalid data model. [: {text}]"
        elif technique.split(".")[0] not in techniques:
            yield f"Invalid data model. [: The technique of the sub-technique '{technique}' is missing.]"


def _entities(properties: Document) -> Iterator[str]:
    mappings = _objects(properties, "entityMappings")
    if len(mappings) > 10:
        yield f"A rule can have at most 10 entity mappings, it has {len(mappings)}"
    for mapping in mappings:
        if mapping.get("entityType") not in ENTITY_TYPES:
            yield f"The entity type '{mapping.get('entityType')}' is invalid"
        fields = _objects(mapping, "fieldMappings")
        if not 1 <= len(fields) <= 3:
            yield f"An entity mapping must have 1 to 3 identifiers, it has {len(fields)}"
        for field in fields:
            if not field.get("identifier") or not field.get("columnName"):
                yield "A field mapping needs an identifier and a columnName"


def _details(properties: Document) -> Iterator[str]:
    details = properties.get("customDetails")
    if isinstance(details, dict):
        if len(details) > 20:
            yield f"A rule can have at most 20 custom details, it has {len(details)}"
        if not all(isinstance(column, str) for column in details.values()):
            yield "Every custom detail must name a column"
    override = properties.get("alertDetailsOverride")
    if not isinstance(override, dict):
        return
    for name in ("alertDisplayNameFormat", "alertDescriptionFormat"):
        if len(re.findall(r"\{\{[^}]*\}\}", str(override.get(name) or ""))) > 3:
            yield f"{name} can name at most 3 columns"
    for dynamic in _objects(override, "alertDynamicProperties"):
        if dynamic.get("alertProperty") not in _DYNAMIC:
            yield f"The alert property '{dynamic.get('alertProperty')}' is invalid"


def _grouping(properties: Document) -> Iterator[str]:
    incident = properties.get("incidentConfiguration")
    if not isinstance(incident, dict):
        return
    yield from _typed({"createIncident": bool}, incident, "incidentConfiguration.")
    grouping = incident.get("groupingConfiguration")
    if not isinstance(grouping, dict):
        return
    yield from _typed(_GROUPING, grouping, "groupingConfiguration.")
    if isinstance(grouping.get("lookbackDuration"), str) and duration(grouping["lookbackDuration"]) is None:
        yield f"The property 'lookbackDuration' is not an ISO 8601 duration: '{grouping['lookbackDuration']}'"
    yield from _one_of(grouping, "matchingMethod", ("AllEntities", "AnyAlert", "Selected"))
    by = [grouping.get(f"groupBy{name}") for name in ("Entities", "AlertDetails", "CustomDetails")]
    if grouping.get("matchingMethod") == "Selected" and not any(by):
        yield "With the matching method Selected at least one of the groupBy lists must not be empty"
    for entity in _strings(grouping, "groupByEntities"):
        if entity not in ENTITY_TYPES:
            yield f"The entity type '{entity}' is invalid"
    for detail in _strings(grouping, "groupByAlertDetails"):
        if detail not in ("DisplayName", "Severity"):
            yield f"The alert detail '{detail}' is invalid"


def without_comments(query: str) -> str:
    """The query without its `//` comments; a `//` inside a quoted text stays."""
    return re.sub(r"(\"[^\"\n]*\"|'[^'\n]*')|//[^\n]*", lambda found: found[1] or "", query)


def _strings(values: Document, name: str) -> list[str]:
    value: Any = values.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []


def _objects(values: Document, name: str) -> list[Document]:
    value: Any = values.get(name)
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
