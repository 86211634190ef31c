"""`--by`: more than ten targets are told by change, fewer one by one, unless something else is asked for."""

import pytest


@pytest.fixture
def broken(root):
    """Twelve tenants that nothing can be asked of: their files cannot be read."""
    tenants = root / "environments/demo/tenants"
    for file in tenants.iterdir():
        file.unlink()
    for number in range(12):
        (tenants / f"t{number:02}.yaml").write_text("targets: [")


BY_CHANGE, BY_TARGET = ", by change (--by target tells it of each)", "t00: stopped, nothing was written there:"


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (("plan", "demo"), f"12 tenants' files{BY_CHANGE}"),
        (("plan", "demo", "--by", "target"), BY_TARGET),
        (("plan", "demo", "--explain"), BY_TARGET),
        (("apply", "demo", "--yes"), f"12 tenants' files{BY_CHANGE}"),
        (("drift", "demo"), BY_TARGET),
        (("verify", "demo"), BY_TARGET),
    ],
)
def test_many_targets_are_told_by_change(deployer, broken, arguments, beginning):
    run = deployer(*arguments)

    assert run.code == 1
    assert run.out.split("\n")[0] == beginning


def test_the_page_for_a_pull_request_is_by_change_as_well(deployer, broken):
    page, each = (deployer("plan", "demo", "--format", "markdown", *more).out for more in ((), ("--by", "target")))

    assert page.count("<details open>") == 1
    assert "t00 (environments/demo/tenants/t00.yaml:2), t01 " in page
    assert each.count("<details>") == 12
