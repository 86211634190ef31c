"""The survey of other people's rules: every one of them runs, or it is said by name why not."""

from collections import Counter

import pytest

from tests.surveys.sentinel import survey


@pytest.fixture(scope="module")
def samples(shared):
    """Any error but the engine's own would fail here."""
    return list(survey(shared))


def test_every_rule_whose_tables_are_at_hand_runs_or_is_refused_by_name(samples):
    assert Counter(sample.outcome for sample in samples) == {"no table": 31, "run": 16, "refused": 10, "bad": 3}


def test_what_is_refused_is_named(samples):
    refused = [sample.reason for sample in samples if sample.outcome == "refused"]
    assert Counter(reason.removeprefix("cannot run here: ").split(" (")[0] for reason in refused) == {
        "mv-expand of an unnamed computed expression": 2,
        "project-reorder": 2,
        "a query in brackets as a source": 1,
        "a union of tables in which DataType has different types": 1,
        "externaldata": 1,
        "geo_info_from_ip_address": 1,
        "mv-apply": 1,
        "table": 1,
    }


def test_what_is_bad_reads_columns_that_its_table_is_not_documented_to_have(samples):
    assert [sample.reason.split(";")[0] for sample in samples if sample.outcome == "bad"] == [
        "there is no column DnsResponseCodeName here",
        "there is no column DnsResponseCodeName here",
        "there is no column SourceGeoCity here",
    ]
