"""A value for every field that deployer manages, other than what the shipped and the made-up rules have."""

from collections.abc import Mapping
from typing import Any

from deployer.providers.kibana import canonical as kibana
from deployer.providers.sentinel import canonical as sentinel

_EXFILTRATION = {"id": "TA0010", "name": "Exfiltration", "reference": "https://attack.mitre.org/tactics/TA0010/"}
_FILTER = {"meta": {"disabled": False}, "query": {"match_phrase": {"host.name": "build-7"}}}

KIBANA: Mapping[str, Any] = {
    "alert_suppression": {"duration": {"value": 7, "unit": "h"}},
    "anomaly_threshold": 70,
    "author": ["Jo", "Ann"],
    "building_block_type": "default",
    "concurrent_searches": 2,
    "data_view_id": "logs",
    "description": "Tuned by hand.\n\nIn two paragraphs: # no comment",
    "enabled": False,
    "event_category_override": "event.kind",
    "false_positives": ["A backup: every night", "- A scanner"],
    "filters": [_FILTER],
    "from": "now-9h",
    "history_window_start": "now-30d",
    "index": ["logs-other-*", "remote:logs-*"],
    "interval": "7m",
    "investigation_fields": {"field_names": ["source.ip", "host.name"]},
    "items_per_search": 9,
    "language": "lucene",
    "license": "Apache-2.0",
    "machine_learning_job_id": ["job_a"],
    "max_signals": 77,
    "name": "Renamed: by hand",
    "namespace": "other",
    "new_terms_fields": ["user.name"],
    "output_index": "alerts-other",
    "query": 'event.category : "network"\n  and not host.name : "a # b"\n  and destination.port : *',
    "references": ["https://example.org/a", "yes"],
    "related_integrations": [{"package": "endpoint", "version": "^9.0.0"}],
    "required_fields": [{"name": "host.name", "type": "keyword"}],
    "risk_score": 33,
    "risk_score_mapping": [{"field": "event.risk_score", "operator": "equals", "value": "50"}],
    "rule_name_override": "message",
    "saved_id": "saved-1",
    "setup": "Install: it\n\n- once",
    "severity": "low",
    "severity_mapping": [{"field": "event.severity", "operator": "equals", "severity": "low", "value": "3"}],
    "tags": ["no", "Tuned: twice"],
    "threat": [{"framework": "MITRE ATT&CK", "tactic": _EXFILTRATION}],
    "threat_filters": [_FILTER],
    "threat_index": ["ti-*"],
    "threat_indicator_path": "threat.other",
    "threat_language": "lucene",
    "threat_mapping": [{"entries": [{"field": "a", "type": "mapping", "value": "b"}]}],
    "threat_query": "*:*",
    "threshold": {"field": ["user.name"], "value": 77},
    "tiebreaker_field": "event.ingested",
    "timestamp_field": "event.created",
    "timestamp_override": "event.ingested",
    "timestamp_override_fallback_disabled": True,
    "to": "now-1m",
}
"""By the field's name in Kibana."""

SENTINEL: Mapping[str, Any] = {
    "alertDetailsOverride": {"alertDisplayNameFormat": "By hand: {{DeviceName}}"},
    "customDetails": {"Device": "DeviceName"},
    "description": "Tuned by hand.\n\n- In two paragraphs: # no comment",
    "displayName": "Renamed: by hand",
    "enabled": False,
    "entityMappings": [
        {"entityType": "Host", "fieldMappings": [{"identifier": "HostName", "columnName": "DeviceName"}]}
    ],
    "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
    "incidentConfiguration": {
        "createIncident": True,
        "groupingConfiguration": {
            "enabled": True,
            "reopenClosedIncident": True,
            "lookbackDuration": "PT7H",
            "matchingMethod": "AllEntities",
        },
    },
    "query": "DeviceNetworkEvents\n| where RemotePort == 4 // by hand: yes\n| project TimeGenerated, DeviceName",
    "queryFrequency": "PT7H",
    "queryPeriod": "P2D",
    "sentinelEntitiesMappings": [{"columnName": "Entities"}],
    "severity": "Informational",
    "subTechniques": ["T1090.001"],
    "suppressionDuration": "PT7H",
    "suppressionEnabled": True,
    "tactics": ["Exfiltration"],
    "techniques": ["T1090"],
    "triggerOperator": "LessThan",
    "triggerThreshold": 77,
}
"""By the property's name in ARM."""

NOT_TUNED = {"kibana": {"type", "exceptions_list"}, "sentinel": {"kind"}}
"""What no overlay changes: a rule of another type is another rule, and lists come from `allowlists`."""

assert KIBANA.keys() == kibana.MANAGED - NOT_TUNED["kibana"]
assert SENTINEL.keys() == sentinel.MANAGED - NOT_TUNED["sentinel"]
