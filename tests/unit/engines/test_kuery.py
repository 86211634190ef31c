"""What kuery means: one test for each rule, on documents in DuckDB."""

import pytest

from deployer.engines import kuery
from deployer.engines.kibana import Events
from deployer.errors import BadQuery
from deployer.errors import NotRunnable
from tests.unit.engines.kuery_match import found


def test_an_empty_query_matches_every_document():
    assert found("", {"a": "x"}, {}, a="keyword") == [0, 1]


def test_a_keyword_is_matched_whole_and_by_case_quoted_or_not():
    documents = ({"a": "Win"}, {"a": "win"}, {"a": "win 11"})
    for value in ("win", '"win"'):
        assert found(f"a:{value}", *documents, a="keyword") == [1]
    for value in ("win 11", '"win 11"'):
        assert found(f"a:{value}", *documents, a="keyword") == [2]


def test_the_words_of_an_unquoted_value_are_one_value_of_a_keyword_and_any_word_of_a_text():
    documents = ({"a": "quick"}, {"a": "fox"}, {"a": "quick fox"})
    assert found("a: quick fox", *documents, a="keyword") == [2]
    assert found("a: quick fox", *documents, a="text") == [0, 1, 2]


def test_a_quoted_value_is_a_run_of_words_in_a_text():
    documents = ({"a": "The Quick, brown fox"}, {"a": "brown quick"}, {"a": ["quick", "brown"]})
    assert found('a:"quick brown"', *documents, a="text") == [0]
    assert found('a:"QUICK"', *documents, a="match_only_text") == [0, 1, 2]
    assert found('a:"uick"', *documents, a="text") == []
    assert found('a:"!?"', *documents, a="text") == []


def test_dots_and_digits_hold_words_of_a_text_together():
    documents = ({"a": "run foo.ps1 from 10.0.0.1:80, user_name=x"},)
    for word in ("foo.ps1", "10.0.0.1", "80", "user_name"):
        assert found(f'a:"{word}"', *documents, a="text") == [0] * 1
    for word in ("ps1", "0.0.1", "user"):
        assert found(f'a:"{word}"', *documents, a="text") == []


def test_numbers_are_compared_by_value():
    documents: tuple[dict, ...] = ({"port": 6667}, {"port": "6667"}, {"port": 6668}, {})
    for value in ("6667", '"6667"', "6667.0"):
        assert found(f"port:{value}", *documents, port="long") == [0, 1]
    assert found("port:6667.5", *documents, port="long") == []
    assert found("port:99999999999999999999999", *documents, port="long") == []
    assert found("a:0.5", {"a": 0.5}, {"a": "0.50"}, {"a": 1}, a="double") == [0, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("n < 10", [0]),
        ("n <= 10", [0, 1]),
        ("n > 10", [2]),
        ("n >= 10", [1, 2]),
        ("n > 9.5", [1, 2]),
        ("n < 10.5", [0, 1]),
        ('n < "10"', [0]),
        ("n > -1e30", [0, 1, 2]),
        ("n > 1e30", []),
        ("n > 8 and n < 11", [0, 1]),
    ],
)
def test_ranges_of_numbers(query, expected):
    assert found(query, {"n": 9}, {"n": 10}, {"n": 11}, {}, n="long") == expected


def test_a_range_over_keywords_goes_by_characters():
    assert found('a >= "b" and a < "c"', {"a": "a"}, {"a": "b9"}, {"a": "c"}, {"a": "B"}, a="keyword") == [1]


def test_a_range_over_addresses_goes_by_number():
    documents = ({"a": "9.255.255.255"}, {"a": "10.0.0.0"}, {"a": "::ffff:10.0.0.1"}, {"a": "2001:db8::1"})
    assert found('a >= "10.0.0.0" and a < "11.0.0.0"', *documents, a="ip") == [1, 2]


def test_not_holds_where_the_field_is_missing():
    documents: tuple[dict, ...] = ({"a": "x"}, {"a": "y"}, {}, {"a": None}, {"a": []})
    assert found("not a:x", *documents, a="keyword") == [1, 2, 3, 4]
    assert found("not a > 5", {"a": 6}, {"a": 5}, {}, a="long") == [1, 2]
    assert found('not a:"10.0.0.0/8"', {"a": "10.1.1.1"}, {"a": "8.8.8.8"}, {}, a="ip") == [1, 2]
    assert found("not a:x*", *documents, a="keyword") == [1, 2, 3, 4]
    assert found('not a:"x"', *documents, a="text") == [1, 2, 3, 4]
    assert found("not a:true", {"a": True}, {}, a="boolean") == [1]
    assert found("not b:x", *documents, a="keyword") == [0, 1, 2, 3, 4]


def test_exists_asks_for_any_value():
    documents: tuple[dict, ...] = ({"a": "x"}, {"a": ""}, {"a": None}, {"a": []}, {"a": [None]}, {"a": [None, "y"]}, {})
    assert found("a:*", *documents, a="keyword") == [0, 1, 5]
    assert found("not a:*", *documents, a="keyword") == [2, 3, 4, 6]


def test_exists_of_an_object_asks_for_any_of_its_fields():
    documents = ({"a": {"b": 1}}, {"a": {"c": "x"}}, {"d": 1})
    assert found("a:*", *documents, a__b="long", a__c="keyword", d="long") == [0, 1]


def test_a_quoted_star_is_a_star():
    assert found('a:"*"', {"a": "*"}, {"a": "x"}, a="keyword") == [0]
    assert found(r"a:\*", {"a": "*"}, {"a": "x"}, a="keyword") == [0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a:win*", [0, 1]),
        ("a:*10", [0]),
        ("a:w*1*", [0, 1]),
        ("a:*", [0, 1, 2, 3, 4]),
        ("a:**", [0, 1, 2, 3, 4]),
        ("a:WIN*", []),
        ("a:50%*", [3]),
        ("a:x_*", [4]),
        ("a:win* 1", []),
        ("not a:win*", [2, 3, 4]),
        (r"a:x\_*", None),
    ],
)
def test_wildcards_in_values(query, expected):
    documents = ({"a": "win10"}, {"a": "win 11"}, {"a": "xy1"}, {"a": "50% off"}, {"a": "x_y"})
    if expected is None:
        with pytest.raises(BadQuery):
            found(query, *documents, a="keyword")
    else:
        assert found(query, *documents, a="keyword") == expected


def test_a_wildcard_outside_keywords_splits_the_value_at_blanks():
    """Kibana sends it as a query_string, where one of the words is enough."""
    documents = ({"a": "cmd /c dir"}, {"a": "dir"}, {"a": "C:/x/cmd.exe"}, {"a": "powershell"})
    assert found("a: *cmd* dir", *documents, a="wildcard") == [0, 1, 2]
    assert found("a: *cmd* dir", *documents, a="keyword") == [0]
    assert found("a: power*", *documents, a="text") == [3]


def test_a_wildcard_on_a_text_is_held_against_each_word():
    documents = ({"a": "Invoke-Expression now"}, {"a": "express"})
    assert found("a: EXPR*ion", *documents, a="text") == [0]
    assert found("a: inv*now", *documents, a="text") == []


def test_a_wildcard_in_a_field_name_asks_every_field_it_fits():
    documents = ({"user.name": "x"}, {"user.id": "x"}, {"host.name": "x"})
    fields = {"user__name": "keyword", "user__id": "keyword", "host__name": "keyword"}
    assert found("user.*: x", *documents, **fields) == [0, 1]
    assert found("*.name: x", *documents, **fields) == [0, 2]
    assert found("us*: *", *documents, **fields) == [0, 1]
    assert found("none.*: x", *documents, **fields) == []
    assert found("*:*", *documents, **fields) == [0, 1, 2]


def test_one_value_of_an_array_is_enough():
    documents = ({"a": ["x", "y"], "n": [1, 20]}, {"a": ["z"], "n": [5]})
    fields = {"a": "keyword", "n": "long"}
    assert found("a:y", *documents, **fields) == [0]
    assert found("a:(x and y)", *documents, **fields) == [0]
    assert found("not a:y", *documents, **fields) == [1]
    # Each range may be met by another value.
    assert found("n > 10 and n < 3", *documents, **fields) == [0]
    assert found("a:(y or z)", *documents, **fields) == [0, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ip:10.0.0.1", [0, 4]),
        ('ip:"10.0.0.0/8"', [0, 1, 4]),
        ("ip:10.0.0.0/8", [0, 1, 4]),
        ('ip:"10.9.9.9/8"', [0, 1, 4]),
        ('ip:"::ffff:10.0.0.0/104"', [0, 1, 4]),
        ('ip:"::1/128"', [3]),
        ('ip:"fc00::/7"', [5]),
        ('ip:"FD00:0:0::1"', [5]),
        ('ip:"0.0.0.0/0"', [0, 1, 2, 4]),
        ('ip:"::/0"', [0, 1, 2, 3, 4, 5]),
        ('ip:("::1/128" or "8.8.8.8" or "fc00::/7")', [2, 3, 5]),
        ('not ip:("10.0.0.0/8" or "::1")', [2, 5, 6]),
    ],
)
def test_addresses_match_addresses_and_cidr_ranges(query, expected):
    addresses = ("10.0.0.1", "10.255.255.255", "8.8.8.8", "0:0:0:0:0:0:0:1", "::ffff:10.0.0.1", "fd00::1")
    assert found(query, *({"ip": address} for address in addresses), {}, ip="ip") == expected


def test_booleans_match_true_and_false_as_words_or_values():
    documents: tuple[dict, ...] = ({"a": True}, {"a": "true"}, {"a": False}, {"a": "false"}, {"a": ""}, {})
    assert found("a:true", *documents, a="boolean") == [0, 1]
    assert found('a:"false"', *documents, a="boolean") == [2, 3, 4]


def test_true_of_a_keyword_is_the_word():
    assert found("a:(true or Enabled)", {"a": "true"}, {"a": True}, {"a": "Enabled"}, a="keyword") == [0, 1, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('t: "2026-11-20"', [1, 2]),
        ('t: "2026-11-20T11"', [1]),
        # What is missing of a month is its first day, with the last hour of that day.
        ("t: 2026-11", []),
        ('t > "2026-11"', [0, 1, 2, 3]),
        ('t <= "2026"', []),
        ('t <= "9999-12-31"', [0, 1, 2, 3]),
        ('t > "2026-11-19"', [1, 2, 3]),
        ('t >= "2026-11-19"', [0, 1, 2, 3]),
        ('t < "2026-11-20"', [0]),
        ('t <= "2026-11-20"', [0, 1, 2]),
        ("t >= now-1h", [1, 2, 3]),
        ("t > now-1h", [2, 3]),
        ("t < now", [0, 1]),
        ("t >= now/d and t <= now/d", [1, 2]),
        ('t >= "2026-11-20||+1d/d"', [3]),
        ("t < now+1d-1d/d", [0]),
        ("t: 1795172400000", [1]),
        ('t: "2026-11-20T12:00:00+01:00"', [1]),
    ],
)
def test_dates_name_spans_and_know_date_math(query, expected):
    times = ("2026-11-19T10:00:00Z", 1795172400000, "2026-11-20T12:00:00.5Z", "2026-11-21T00:00:00Z")
    assert found(query, *({"t": time} for time in times), t="date") == expected


def test_an_unknown_field_matches_nothing():
    for query in ("b:x", "b:*", "b > 1", 'b:"10.0.0.0/8"', "b:x*", "b:(x or y)"):
        assert found(query, {"a": "x"}, a="keyword") == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ip:abc", "no address"),
        ("ip:10.0.0.0/33", "no address"),
        ("ip:(10.0.0.1 or 10.0.0)", "no address"),
        ("ip > 10.0.0.0/8", "is a range itself"),
        ("n:abc", "is no number"),
        ("n > abc", "is no number"),
        ("n:NaN", "is no number"),
        ("b:yes", "neither true nor false"),
        ("t:yesterday", "is no date"),
        ("t > now-1x", "no step of date math"),
        ("n:66*", "wildcards"),
        ("ip:10.*", "wildcards"),
    ],
)
def test_a_value_that_does_not_fit_its_field_fails_as_the_search_does(query, words):
    """Elasticsearch answers 400 "failed to create query"; there is no leniency in what Kibana sends."""
    fields = {"ip": "ip", "n": "long", "b": "boolean", "t": "date"}
    with pytest.raises(BadQuery, match=words) as caught:
        found(f"x:1 and\n {query}", {}, **fields)
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("anything", "anything"),
        ('"two words"', "two words"),
        ("*: x", "every field"),
        ("objects.part: x", "a part of a nested field"),
        ("objects.*: x", "a part of a nested field"),
        ("objects:{ inner:{ a:x } }", "nested within objects"),
        ("a: null", "null"),
        ("a > null", "null"),
        ("geo: x", "geo_point"),
        ("flat.part: x", "flat is of type flattened"),
        ("flat.part: *", "flat is of type flattened"),
        ("not flat.part: *", "flat is of type flattened"),
        ("_index: logs", "_index"),
        ("not _id: *", "_id"),
        ('t <= "now-3000y"', "years 1 to 9999"),
        ('t <= "now-99999999999d"', "years 1 to 9999"),
        ("words > a", "type text"),
        (r"wild: x* \AND y", "AND"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(query, named):
    fields = {"a": "keyword", "geo": "geo_point", "flat": "flattened", "words": "text", "wild": "wildcard", "t": "date"}
    fields |= {"objects": "nested", "objects__part": "keyword", "objects__inner": "nested"}
    with pytest.raises(NotRunnable) as caught:
        found(query, {}, **fields)
    assert named in str(caught.value)


def test_a_nested_group_holds_for_one_object():
    fields = {"user": "nested", "user__name": "keyword", "user__age": "long", "host": "keyword"}
    documents = (
        {"user": [{"name": "x", "age": 3}, {"name": "y", "age": 30}], "host": "h"},
        {"user": {"name": "x", "age": 30}},
        {"user": [{"name": "y"}]},
        {"host": "h"},
    )
    assert found("user:{ name:x and age > 5 }", *documents, **fields) == [1]
    assert found("user:{ name:x } and user:{ age > 5 }", *documents, **fields) == [0, 1]
    assert found("user:{ name:(x or y) }", *documents, **fields) == [0, 1, 2]
    assert found("user:{ na*:x }", *documents, **fields) == [0, 1]
    assert found("user:{ not age:* }", *documents, **fields) == [2]
    assert found("not user:{ name:x } and host:h", *documents, **fields) == [3]
    assert found("host:*", *documents, **fields) == [0, 3]


def test_a_nested_group_of_a_field_that_is_not_nested_fails_as_the_search_does():
    with pytest.raises(BadQuery, match="failed to find nested object under path") as caught:
        found("a: { b: x }", {}, a__b="keyword")
    assert (caught.value.line, caught.value.column) == (1, 1)


def test_now_without_a_clock_is_not_run():
    with pytest.raises(NotRunnable, match="now-1h"):
        kuery.sql(kuery.parse("t > now-1h"), {"t": "date"})


def test_quotes_and_percent_signs_in_values_are_only_characters():
    values = ("it's", "a'; drop table events; --", "100%", "\\", 'say "x"', "naïve ☃", "tab\there")
    for number, value in enumerate(values):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        assert found(f'a:"{escaped}"', *({"a": each} for each in values), a="keyword") == [number]


def test_a_name_of_a_field_is_only_a_name():
    with Events({'we"ird': "keyword"}) as events:
        events.load("logs", [{'we"ird': "x"}])
        condition = kuery.sql(kuery.parse(r"we\"ird: x"), events.fields)
        assert events.connection.execute(f"select _id from events where {condition}").fetchall() == [(0,)]  # noqa: S608
