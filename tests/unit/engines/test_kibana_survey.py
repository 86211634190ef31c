"""The survey of other people's rules: every one of them runs or is refused by name."""

from collections import Counter

import pytest

from tests.surveys.elastic import survey


@pytest.fixture(scope="module")
def samples(shared):
    """Any error but the engine's own would fail here."""
    return list(survey(shared / "samples" / "elastic-toml"))


def test_every_threshold_and_query_rule_in_kuery_runs_and_the_other_types_are_refused_by_name(samples):
    assert Counter((sample.outcome, sample.reason) for sample in samples) == {
        ("run", ""): 24,
        ("refused", "a rule of type eql"): 14,
        ("refused", "a rule of type esql"): 8,
        ("refused", "a rule of type new_terms"): 8,
        ("refused", "a rule of type machine_learning"): 3,
        ("refused", "a rule of type threat_match"): 3,
    }


def test_every_kuery_query_runs_whatever_the_type_of_its_rule(samples):
    assert Counter(sample.query for sample in samples if sample.query) == {"run": 35}
