"""A run that ended before the rule was written has left what the rule was to stand on; undoing it takes that away."""

from tests.cli.test_rollback import BOTNET
from tests.cli.test_rollback import Live
from tests.cli.test_rollback import entry
from tests.cli.test_rollback import environment
from tests.cli.test_rollback import runs


def test_what_a_rule_that_was_refused_was_to_stand_on_goes_again(deployer, site):
    environment(site, rules=[BOTNET])
    site.tenant("globex").unlink()
    site.edit(site.tenant("acme"), lambda one: one.update(allowlists={"proxies": [entry("198.51.100.8/29")]}))
    live = Live(site.emulator)
    before = live.whole()
    site.emulator.fault(path="/api/detection_engine/rules$|/alertRules/", method="POST|PUT", status=400)
    assert deployer("apply", "site").code == 3
    left = {name.split(" ")[0] for name in live.whole()}
    site.emulator.clear_faults()

    undone = deployer("rollback", "site", *runs(site))

    assert left == {"view", "list", "item"}
    assert undone.code == 0, undone.out
    assert live.whole() == before
