"""Whether what a Sentinel alert is made of names columns that the query returns.

Identifiers per entity: https://learn.microsoft.com/azure/sentinel/entities-reference. Columns per format: three, as
Microsoft's own validation of its rules has it (Azure/Azure-Sentinel, MaxAmountOfDynamicContentPlaceHolders).
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.check.subjects import Subject
from deployer.findings import Finding
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed

COLUMNS_PER_FORMAT = 3
_MAIL = "Recipient Sender Subject NetworkMessageId"
IDENTIFIERS: Mapping[str, frozenset[str]] = {
    entity: frozenset(names.split())
    for entity, names in {
        "Account": "Name FullName NTDomain DnsDomain UPNSuffix Sid AadTenantId AadUserId PUID IsDomainJoined "
        "DisplayName ObjectGuid CloudAppAccountId",
        "AzureResource": "ResourceId",
        "CloudApplication": "AppId Name InstanceName",
        "DNS": "DomainName",
        "File": "Directory Name",
        "FileHash": "Algorithm Value",
        "Host": "DnsDomain NTDomain HostName FullName NetBiosName AzureID OMSAgentID OSFamily OSVersion IsDomainJoined",
        "IP": "Address AddressScope",
        "Mailbox": "MailboxPrimaryAddress DisplayName Upn ExternalDirectoryObjectId RiskLevel",
        "MailCluster": "NetworkMessageIds CountByDeliveryStatus CountByThreatType CountByProtectionStatus Threats "
        "Query QueryTime MailCount IsVolumeAnomaly Source ClusterSourceIdentifier ClusterSourceType "
        "ClusterQueryStartTime ClusterQueryEndTime ClusterGroup",
        "MailMessage": f"{_MAIL} Urls Threats P1Sender P1SenderDisplayName P1SenderDomain SenderIP P2Sender "
        "P2SenderDisplayName P2SenderDomain ReceivedDate InternetMessageId BodyFingerprintBin1 BodyFingerprintBin2 "
        "BodyFingerprintBin3 BodyFingerprintBin4 BodyFingerprintBin5 AntispamDirection DeliveryAction DeliveryLocation "
        "Language ThreatDetectionMethods",
        "Malware": "Name Category",
        "Process": "ProcessId CommandLine ElevationToken CreationTimeUtc",
        "RegistryKey": "Hive Key",
        "RegistryValue": "Name Value ValueType",
        "SecurityGroup": "DistinguishedName SID ObjectGuid",
        "SubmissionMail": f"{_MAIL} Timestamp SenderIp ReportType SubmissionId SubmissionDate Submitter",
        "URL": "Url",
    }.items()
}
_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_ONE_VALUE = frozenset({"string", "guid", "int", "long", "real", "decimal", "bool", "datetime", "timespan"})
_TEXT = frozenset({"string"})
_ANYTHING = _ONE_VALUE | {"dynamic"}
_TEXT_OR_LIST = _TEXT | {"dynamic"}


@dataclass(frozen=True, slots=True)
class _Use:
    """One name of a column, where it stands, and what it may hold."""

    node: Node
    name: str
    types: frozenset[str]
    what: str


def findings(subject: Subject, columns: Mapping[str, str] | None) -> Iterator[Finding]:
    """What is wrong with the mappings; `columns` are those of the query's result, None where they are not known."""
    node = Node(subject.document, (subject.platform.value,), dict(subject.fields))
    yield from _identifiers(subject, node)
    yield from _formats(subject, node)
    yield from _grouping(subject, node)
    if columns is not None:
        yield from _misnamed(subject, node, columns)


def _misnamed(subject: Subject, node: Node, columns: Mapping[str, str]) -> Iterator[Finding]:
    for use in _uses(node):
        where = subject.at(*use.node.path[1:])
        if use.name not in columns:
            message = f"{use.what} names the column {use.name!r}, which the query does not return"
            yield subject.error("column-missing", message + (guess(use.name, columns) or _known(columns)), where)
        elif columns[use.name] not in use.types | {"unknown"}:
            needed = "text" if use.types == _TEXT else "one value, no list or object"
            message = f"{use.what} needs {needed}; the column {use.name} is of type {columns[use.name]}"
            yield subject.error("column-type", message, where)


def _uses(node: Node) -> Iterator[_Use]:
    for mapping in node.get("entityMappings").items():
        for field in mapping.get("fieldMappings").items():
            what = f"{mapping.get('entityType').text()}.{field.get('identifier').text()}"
            yield from _use(field.get("columnName"), _ONE_VALUE, what)
    for mapping in node.get("sentinelEntitiesMappings").items():
        yield from _use(mapping.get("columnName"), _TEXT_OR_LIST, "sentinelEntitiesMappings")
    for name, detail in node.get("customDetails").entries():
        yield from _use(detail, _ANYTHING, f"the custom detail {name}")
    override = node.get("alertDetailsOverride")
    for name in ("alertDisplayNameFormat", "alertDescriptionFormat"):
        part = override.get(name)
        for column in dict.fromkeys(_PLACEHOLDER.findall(part.text() or "")):
            yield _Use(part, column.strip(), _ANYTHING, name)
    yield from _use(override.get("alertSeverityColumnName"), _TEXT, "alertSeverityColumnName")
    yield from _use(override.get("alertTacticsColumnName"), _TEXT_OR_LIST, "alertTacticsColumnName")
    for item in override.get("alertDynamicProperties").items():
        yield from _use(item.get("value"), _ANYTHING, str(item.get("alertProperty").text()))


def _use(node: Node, types: frozenset[str], what: str) -> Iterator[_Use]:
    if (name := node.text()) is not None:
        yield _Use(node, name, types, what)


def _identifiers(subject: Subject, node: Node) -> Iterator[Finding]:
    for mapping in node.get("entityMappings").items():
        entity = mapping.get("entityType").text() or ""
        known = IDENTIFIERS.get(entity)
        seen: set[str] = set()
        for field in mapping.get("fieldMappings").items():
            identifier = field.get("identifier").text() or ""
            where = subject.at(*field.get("identifier").path[1:])
            if known is not None and identifier not in known:
                others = guess(identifier, known) or f"; it has {listed(sorted(known))}"
                yield subject.error("unknown-identifier", f"{entity} has no identifier {identifier!r}{others}", where)
            elif identifier in seen:
                yield subject.error("unknown-identifier", f"{entity} is given {identifier} twice", where)
            seen.add(identifier)


def _formats(subject: Subject, node: Node) -> Iterator[Finding]:
    override = node.get("alertDetailsOverride")
    for name in ("alertDisplayNameFormat", "alertDescriptionFormat"):
        count = len(_PLACEHOLDER.findall(override.get(name).text() or ""))
        if count > COLUMNS_PER_FORMAT:
            message = f"{name} names {count} columns, Sentinel takes {COLUMNS_PER_FORMAT}"
            yield subject.error("too-many-columns", message, subject.at("alertDetailsOverride", name))


def _grouping(subject: Subject, node: Node) -> Iterator[Finding]:
    """Incidents are grouped by what the rule itself maps (AlertRules.json, `groupByEntities`)."""
    grouping = node.get("incidentConfiguration").get("groupingConfiguration")
    entities = {mapping.get("entityType").text() for mapping in node.get("entityMappings").items()}
    details = node.get("customDetails").mapping().keys()
    for name, known in (("groupByEntities", entities), ("groupByCustomDetails", details)):
        for item in grouping.get(name).items():
            if item.text() not in known:
                message = f"incidents are grouped by {item.text()!r}, which the rule does not map"
                yield subject.error("grouping-unmapped", message, subject.at(*item.path[1:]))


def _known(columns: Mapping[str, str]) -> str:
    return f"; it returns {listed(columns)}"
