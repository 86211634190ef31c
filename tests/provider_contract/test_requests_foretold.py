"""What `plan --stats` foretells is what `apply` sends, also where the look at a list or a watchlist comes on top."""

from deployer.apply import apply
from deployer.outcome import Place
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from tests import make
from tests import watchlists


def foretold_and_sent(bench, assignment, **consent):
    """(reads, writes) by the plan, whether it may be more, and (reads, writes) that the server saw."""
    desired = encode(assignment)
    plan = make_plan(desired, bench.provider.read(desired), **consent)
    ahead = bench.provider.cost(plan)
    before = len(bench.emulator.requests)
    assert apply(Place("acme"), plan, bench.provider).failures == ()
    sent = bench.emulator.requests[before:]
    reads = sum(one["method"] == "GET" or one["path"].endswith("/query") for one in sent)
    return (ahead.reads + len(ahead.once), ahead.writes), ahead.least, (reads, len(sent) - reads)


def test_a_rule_that_reads_a_watchlist_is_written_after_log_queries_were_asked_for_it(sentinel):
    entries = watchlists.entries(100)
    sentinel.apply(watchlists.assignment(entries))
    changed = watchlists.assignment(entries, watchlists.rule(name="New"), watchlists.rule("other"))

    foretold, least, sent = foretold_and_sent(sentinel, changed)

    assert (foretold, least, sent) == ((5, 2), True, (5, 2))


def test_values_that_only_go_are_looked_at_once_and_not_once_for_each(kibana):
    def allowed(count):
        entries = [make.entry(f"198.{number // 32}.{number % 32 * 8}.0") for number in range(count)]
        return kibana.assignment(entries=entries, categories={"servers": make.category(ports=())})

    kibana.apply(allowed(2000))

    foretold, least, sent = foretold_and_sent(kibana, allowed(1990))

    (reads, writes), asked_before = foretold, 1  # the status, by the first apply
    assert ((reads - asked_before, writes), least) == (sent, True)
