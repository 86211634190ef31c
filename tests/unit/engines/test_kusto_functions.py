"""Each function that our rules use gives what its page says: learn.microsoft.com/kusto/query/PAGE.

The pages' names are the tests' names; an expectation is the page's own example, or what it says in words.
"""

import math

import pytest

from tests.unit.engines.kusto_make import values

PAGES = {
    "abs-function": ("print abs(-5)", [[5]]),
    "ago-function": ("print ago(1h), ago(-1d)", [["2026-11-20T11:00:00Z", "2026-11-21T12:00:00Z"]]),
    "arg-max-aggregation-function": (
        """datatable(Fruit:string, Color:string, Version:int)["Apple", "Red", 1, "Apple", "Green", int(null),
            "Pear", "Brown", 1, "Pear", "Green", 2]
        | summarize arg_max(Version, *) by Fruit | sort by Fruit asc""",
        [["Apple", 1, "Red"], ["Pear", 2, "Green"]],
    ),
    "between-operator": ("range x from 1 to 100 step 1 | where x between (50 .. 55)", [[x] for x in range(50, 56)]),
    "bin-function": (
        "print bin(4.5, 1), bin(time(16d), 7d), bin(datetime(1970-05-11 13:45:07), 1d)",
        [[4.0, "14.00:00:00", "1970-05-11T00:00:00Z"]],
    ),
    "case-function": (
        """range Size from 1 to 15 step 2
        | summarize count() by bucket = case(Size <= 3, "Small", Size <= 10, "Medium", "Large") | sort by bucket asc""",
        [["Large", 3], ["Medium", 3], ["Small", 2]],
    ),
    "coalesce-function": (
        'print coalesce(tolong("not a number"), tolong("42"), 33), coalesce("", "text")',
        [[42, "text"]],
    ),
    "column-ifexists-function": (
        """datatable(State:string, Bag:dynamic)["A", dynamic({"a": 1})] | project
            a = column_ifexists("Capital", State), b = column_ifexists("State", ""),
            c = column_ifexists("Bag", "dynamic")""",
        [["A", "A", "dynamic"]],
    ),
    "contains-operator": ('print "Kansas" contains "ANS", "Kansas" contains "x"', [[True, False]]),
    "count-aggregation-function": ("range x from 1 to 3 step 1 | summarize count(), countif(x > 1)", [[3, 2]]),
    "datetime-diff-function": (
        """print datetime_diff('year', datetime(2017-01-01), datetime(2000-12-31)),
            datetime_diff('quarter', datetime(2017-07-01), datetime(2017-03-30)),
            datetime_diff('month', datetime(2017-01-01), datetime(2015-12-30)),
            datetime_diff('day', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59)),
            datetime_diff('hour', datetime(2017-10-31 01:00), datetime(2017-10-30 23:59)),
            datetime_diff('minute', datetime(2017-10-30 23:05:01), datetime(2017-10-30 23:00:59)),
            datetime_diff('second', datetime(2017-10-30 23:00:10.100), datetime(2017-10-30 23:00:00.900))""",
        [[17, 2, 13, 29, 2, 5, 10]],
    ),
    "dcount-aggregation-function": (
        'datatable(x:string)["a", "b", "a", ""] | summarize dcount(x), dcount(x, 4), dcountif(x, x != "a", 4)',
        [[3, 3, 2]],
    ),
    "endswith-operator": ('print "sasAS" endswith "as", "sasAS" endswith "sa"', [[True, False]]),
    "has-any-operator": (
        'print "north carolina" has_any ("CAROLINA", "DAKOTA"), "carolinas" has_any ("carolina")',
        [[True, False]],
    ),
    "iff-function": ('print iff(1 > 0, "yes", "no"), iff(bool(null), "yes", "no")', [["yes", "no"]]),
    "in-cs-operator": (
        'print "a" in ("a", "b"), "A" in ("a"), 5 in (dynamic([5, 6])), "c" !in ("a")',
        [[True, False, True, True]],
    ),
    "in-operator": ('print "A" in~ ("a"), "A" !in~ (dynamic(["a"]))', [[True, False]]),
    "ipv4-is-in-any-range-function": (
        """print ipv4_is_in_any_range('192.168.1.6', '192.168.1.1/24', '10.0.0.1/8', '127.1.0.1/16'),
            ipv4_is_in_any_range("127.0.0.1", dynamic(["127.0.0.1", "192.168.1.1"])),
            ipv4_is_in_any_range("123.1.11.21", dynamic(["192.168.1.1/16", "127.0.0.1/8", "10.0.0.1/8"])),
            ipv4_is_in_any_range("none", dynamic(["127.0.0.1"]))""",
        [[True, True, False, None]],
    ),
    "ipv4-is-in-range-function": (
        """print ipv4_is_in_range('192.168.1.1', '192.168.1.1'), ipv4_is_in_range('192.168.1.1', '192.168.1.255/24'),
            ipv4_is_in_range('192.168.1.1', '192.168.2.1/24')""",
        [[True, True, False]],
    ),
    "ipv4-is-match-function": (
        """print ipv4_is_match('192.168.1.0', '192.168.1.0'), ipv4_is_match('192.168.1.1/24', '192.168.1.255'),
            ipv4_is_match('192.168.1.1', '192.168.1.255/24'), ipv4_is_match('192.168.1.1/30', '192.168.1.255/24')""",
        [[True] * 4],
    ),
    "ipv4-is-private-function": (
        """print ipv4_is_private('192.168.1.1/24'), ipv4_is_private('10.1.2.3/24'), ipv4_is_private('202.1.2.3'),
            ipv4_is_private("127.0.0.1"), ipv4_is_private("")""",
        [[True, True, False, False, None]],
    ),
    "ipv6-is-in-any-range-function": (
        """let LocalNetworks = dynamic(["a5e:f127:8a9d:146d:e102:b5d3:c755:f6cd/112", "0:0:0:0:0:ffff:c0a8:ac/60"]);
        datatable(IP:string)["a5e:f127:8a9d:146d:e102:b5d3:c755:abcd", "a5e:f127:8a9d:146d:e102:b5d3:c755:abce",
            "a5e:f127:8a9d:146d:e102:b5d3:c755:abcf", "a5e:f127:8a9d:146d:e102:b5d3:c756:abd1"]
        | project ipv6_is_in_any_range(IP, LocalNetworks)""",
        [[True], [True], [True], [False]],
    ),
    "ipv6-is-match-function": (
        """datatable(a:string, b:string)['192.168.1.1', '192.168.1.1', '192.168.1.1/24', '192.168.1.255',
            '192.168.1.1', '192.168.1.255/24', '192.168.1.1/30', '192.168.1.255/24',
            'fe80::85d:e82c:9446:7994', 'fe80::85d:e82c:9446:7994',
            'fe80::85d:e82c:9446:7994/120', 'fe80::85d:e82c:9446:7998',
            'fe80::85d:e82c:9446:7994', 'fe80::85d:e82c:9446:7998/120',
            '192.168.1.1', '::ffff:c0a8:0101', '192.168.1.1/24', '::ffff:c0a8:01ff',
            '::ffff:c0a8:0101', '192.168.1.255/24', 'fe80::1', 'fe80::2']
        | project ipv6_is_match(a, b)""",
        [[True]] * 10 + [[False]],
    ),
    "isempty-function": (
        'print isempty(""), isempty("a"), isnotempty("a"), isempty(long(null))',
        [[True, False, True, True]],
    ),
    "isnull-function": (
        'print isnull(""), isnotnull(""), isnull(long(null)), isnotnull(5)',
        [[False, True, True, True]],
    ),
    "join-inner": (
        """datatable(Key:string, Value1:long)['a', 1, 'b', 2, 'b', 3, 'c', 4]
        | join kind=inner (datatable(Key:string, Value2:long)['b', 10, 'c', 20, 'c', 30, 'd', 40]) on Key
        | sort by Value1 asc, Value2 asc""",
        [["b", 2, "b", 10], ["b", 3, "b", 10], ["c", 4, "c", 20], ["c", 4, "c", 30]],
    ),
    "make-list-aggregation-function": (
        "range x from 1 to 3 step 1 | summarize make_list(x), make_list(x, 2)",
        [[[1, 2, 3], [1, 2]]],
    ),
    "matches-regex-operator": ('print "KANSAS" matches regex "K.*S", "KANSAS" matches regex "k"', [[True, False]]),
    "max-of-function": (
        "datatable(A:int, B:int)[1, 6, 8, 1, int(null), 2, 1, int(null), int(null), int(null)] | project max_of(A, B)",
        [[6], [8], [2], [1], [None]],
    ),
    "mv-expand-operator": (
        """datatable(a:int, b:dynamic)[1, dynamic([10, 20]), 2, dynamic(['a', 'b']), 3, dynamic(null), 4, dynamic([])]
        | mv-expand b""",
        [[1, 10], [1, 20], [2, "a"], [2, "b"], [3, None]],
    ),
    "not-function": ("print not(false), not(bool(null))", [[True, None]]),
    "now-function": ("print now(), now(-2d)", [["2026-11-20T12:00:00Z", "2026-11-18T12:00:00Z"]]),
    "null-values": (
        "datatable(val:int)[5, int(null)] | project val > 3 or isnull(val), val + 10, val * 10",
        [[True, 15, 50], [True, None, None]],
    ),
    "pack-array-function": (
        "print pack_array(1, 'a', datetime(2020-01-01))",
        [[[1, "a", "2020-01-01T00:00:00.0000000Z"]]],
    ),
    "parse-json-function": (
        """print tolong(parse_json('{"a": {"b": 5}}').a.b), parse_json('{"a": 1}').none""",
        [[5, None]],
    ),
    "range-function": (
        "print range(1, 8, 3), range(1, 3), range(datetime(2015-01-01), datetime(2015-01-02), 12h)",
        [
            [
                [1, 4, 7],
                [1, 2, 3],
                ["2015-01-01T00:00:00.0000000Z", "2015-01-01T12:00:00.0000000Z", "2015-01-02T00:00:00.0000000Z"],
            ]
        ],
    ),
    "replace-string-function": ('print replace_string("Number is 1", "1", "2")', [["Number is 2"]]),
    "round-function": (
        "print round(2.98765, 3), round(2.15, 1), round(2.15), round(-50.55, -2), round(21.5, -1)",
        [[2.988, 2.2, 2.0, -100.0, 20.0]],
    ),
    "sort-operator": ("datatable(x:long)[2, long(null), 3] | sort by x", [[3], [2], [None]]),
    "startswith-operator": ('print "Kansas" startswith "kan", "Arkansas" startswith "kan"', [[True, False]]),
    "strcat-function": ('print strcat("hello", " ", "world", 1)', [["hello world1"]]),
    "sumif-aggregation-function": ("range x from 1 to 4 step 1 | summarize sum(x), sumif(x, x > 2)", [[10, 7]]),
    "take-any-aggregation-function": (
        'datatable(a:string, b:long)["", long(null), "x", 5, "", long(null)] | summarize take_any(a), take_any(b)',
        [["x", 5]],
    ),
    "toscalar-function": ("let End = toscalar(print 3); range x from 1 to 5 step 1 | where x > End", [[4], [5]]),
    "tolong-function": ('print tolong("123"), tolong("a"), toint("7"), todouble("1.5")', [[123, None, 7, 1.5]]),
    "tolower-function": ('print tolower("Hello")', [["hello"]]),
    "tostring-function": ("print tostring(123), tostring(long(null)), tostring(dynamic([1]))", [["123", "", "[1]"]]),
    "trim-end-function": (
        r"""print trim_end(".com", "bing.com"), trim_end(@"[^\w]+", "-  Te st1// $"), trim_end(@"\.", "a.example.")""",
        [["bing", "-  Te st1", "a.example"]],
    ),
    "datatypes-string-operators (=~, !~)": (
        'print "ABC" =~ "abc", "ABC" !~ "abc", "ABC" == "abc"',
        [[True, False, False]],
    ),
    "numerical-operators (int / int)": ("print 7 / 2, 7.0 / 2, 100.0 * 1 / 8, 7 % 3", [[3, 3.5, 12.5, 1]]),
}


@pytest.mark.parametrize(("query", "expected"), PAGES.values(), ids=PAGES.keys())
def test_a_function_gives_what_its_page_says(query, expected):
    assert values(query) == expected


def test_a_set_has_the_distinct_values_and_unions_arrays():
    """make-set-aggregation-function: the order is undefined, and no element is null."""
    query = """datatable(Val:int, Arr1:dynamic)[1, dynamic(['A1', 'A2', 'A3']), 5, dynamic(['A2', 'C1']),
        7, dynamic(['C2', 'A3']), 5, dynamic(['C2', 'A1']), int(null), dynamic(null)]
        | summarize make_set(Val), make_set(Arr1)"""
    [[numbers, elements]] = values(query)
    assert sorted(numbers) == [1, 5, 7]
    assert sorted(elements) == ["A1", "A2", "A3", "C1", "C2"]


@pytest.mark.parametrize("kind", ["x", "tostring(x)", "ago(x * 1h)", "x * 1h", "pack_array(x)"])
def test_a_set_and_a_list_have_at_most_as_many_elements_as_asked_for(kind):
    """make-set-aggregation-function, make-set-if-aggregation-function and those of make_list: maxSize."""
    query = f"""range x from 1 to 60 step 1 | extend v = {kind} | summarize make_set(v, 10), make_list(v, 9),
        make_set_if(v, x > 55, 3), make_list_if(v, x > 55, 2), make_set(v), make_list_if(v, x > 55)"""
    assert [len(one) for one in values(query)[0]] == [10, 9, 3, 2, 60, 5]


def test_a_set_of_texts_that_look_like_arrays_keeps_them_whole():
    assert (
        values("""datatable(s:string)['["a"]', '["b"]'] | summarize x = make_set(s) | extend array_length(x)""")[0][1]
        == 2
    )


def test_times_in_a_set_are_texts_as_kusto_writes_them():
    """scalar-data-types/dynamic: a dynamic holds a datetime as its text."""
    assert values("print t = datetime(2026-11-20 12:00) | summarize make_set(t), make_list(1h)") == [
        [["2026-11-20T12:00:00.0000000Z"], ["01:00:00"]]
    ]


def test_an_average_of_nothing_is_no_number():
    [[average]] = values("datatable(x:long)[] | summarize avg(x)")
    assert math.isnan(average)


def test_the_difference_of_two_aggregates_can_be_taken_where_they_are_made():
    """datetime-diff-function within summarize-operator: any expression over aggregates."""
    query = """datatable(t:datetime)[datetime(2026-11-20 11:00), datetime(2026-11-20 11:45)]
        | summarize Minutes = datetime_diff('minute', max(t), min(t)), Mean = round(count() / 2.0, 1)"""
    assert values(query) == [[45, 1.0]]


def test_a_term_is_no_part_of_a_word():
    """datatypes-string-operators: `has` looks for whole terms; 203.10.5.6 has the term 10, 8.110.5.6 has not."""
    query = """datatable(s:string)["203.10.5.6", "8.110.5.6", "mysvchost.exe", "svchost.exe -k"]
        | project s has "10.", s has "svchost.exe", s contains "svchost.exe" """
    assert values(query) == [[True, False, False], [False, False, False], [False, False, True], [False, True, True]]


def test_windows_of_time_are_counted_from_the_epoch():
    """bin-function; the window of a Monday does not start anywhere else."""
    assert values("print bin(datetime(2026-11-20 12:07:31), 5m), bin(datetime(2026-11-20 12:07:31), 7d)") == [
        ["2026-11-20T12:05:00Z", "2026-11-19T00:00:00Z"]
    ]
