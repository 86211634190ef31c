"""What an alert of Sentinel is made of names columns that the query returns."""

import pytest

from deployer.check import columns
from tests.subjects import said
from tests.subjects import sentinel

RETURNED = {"DeviceName": "string", "Port": "int", "Sources": "dynamic", "Tier": "string", "Odd": "unknown"}


def found(**fields):
    return list(columns.findings(sentinel("Events", **fields), RETURNED))


def entity(kind, **identifiers):
    return {
        "entityType": kind,
        "fieldMappings": [{"identifier": name, "columnName": column} for name, column in identifiers.items()],
    }


def test_names_of_columns_that_are_returned_are_said_nothing_of():
    fields = {
        "entityMappings": [entity("Host", FullName="DeviceName"), entity("Process", ProcessId="Port")],
        "customDetails": {"Sources": "Sources", "Port": "Port", "Odd": "Odd"},
        "alertDetailsOverride": {
            "alertDisplayNameFormat": "{{DeviceName}} on {{ Port }}",
            "alertSeverityColumnName": "Tier",
            "alertTacticsColumnName": "Sources",
            "alertDynamicProperties": [{"alertProperty": "AlertLink", "value": "Tier"}],
        },
        "incidentConfiguration": {
            "groupingConfiguration": {"groupByEntities": ["Host"], "groupByCustomDetails": ["Port"]}
        },
    }

    assert found(**fields) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"entityMappings": [entity("Host", FullName="Device")]},
        {"sentinelEntitiesMappings": [{"columnName": "Device"}]},
        {"customDetails": {"Host": "devicename"}},
        {"alertDetailsOverride": {"alertDisplayNameFormat": "on {{Device}} and {{Device}}"}},
        {"alertDetailsOverride": {"alertDescriptionFormat": "on {{Device}}"}},
        {"alertDetailsOverride": {"alertSeverityColumnName": "Device"}},
        {"alertDetailsOverride": {"alertTacticsColumnName": "Device"}},
        {"alertDetailsOverride": {"alertDynamicProperties": [{"alertProperty": "AlertLink", "value": "Device"}]}},
    ],
)
def test_a_column_that_is_not_returned_is_an_error(fields):
    [finding] = found(**fields)

    assert said([finding]) == [("column-missing", "error", "rule.yaml:10:3")]
    assert finding.message.endswith("which the query does not return; did you mean 'DeviceName'?")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"entityMappings": [entity("IP", Address="Sources")]},
            "example: IP.Address needs one value, no list or object; the column Sources is of type dynamic",
        ),
        (
            {"alertDetailsOverride": {"alertSeverityColumnName": "Port"}},
            "example: alertSeverityColumnName needs text; the column Port is of type int",
        ),
    ],
)
def test_a_column_of_a_type_that_does_not_fit_is_an_error(fields, message):
    [finding] = found(**fields)

    assert (said([finding]), finding.message) == ([("column-type", "error", "rule.yaml:10:3")], message)


def test_where_the_columns_are_not_known_the_rest_is_looked_at_all_the_same():
    subject = sentinel("Events", entityMappings=[entity("Host", Fullname="Nowhere")])

    [finding] = columns.findings(subject, None)

    assert said([finding]) == [("unknown-identifier", "error", "rule.yaml:10:3")]
    assert finding.message == "example: Host has no identifier 'Fullname'; did you mean 'FullName'?"


def test_an_identifier_is_given_once():
    mapping = entity("Host", FullName="DeviceName")
    mapping["fieldMappings"] *= 2

    assert [finding.message for finding in found(entityMappings=[mapping])] == ["example: Host is given FullName twice"]


def test_a_format_takes_three_columns():
    [finding] = found(alertDetailsOverride={"alertDescriptionFormat": "{{Port}} {{Tier}} {{Port}} {{DeviceName}}"})

    assert said([finding]) == [("too-many-columns", "error", "rule.yaml:10:3")]
    assert finding.message == "example: alertDescriptionFormat names 4 columns, Sentinel takes 3"


def test_incidents_are_grouped_by_what_the_rule_maps():
    grouping = {"groupByEntities": ["Host", "IP"], "groupByCustomDetails": ["Port", "Score"]}
    findings = found(
        entityMappings=[entity("Host", FullName="DeviceName")],
        customDetails={"Port": "Port"},
        incidentConfiguration={"groupingConfiguration": grouping},
    )

    assert [(finding.code, finding.message) for finding in findings] == [
        ("grouping-unmapped", "example: incidents are grouped by 'IP', which the rule does not map"),
        ("grouping-unmapped", "example: incidents are grouped by 'Score', which the rule does not map"),
    ]
