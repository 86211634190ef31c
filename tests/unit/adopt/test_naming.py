"""Ids of adopted rules: made from names, unique, and such as the environment deploys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.adopt import naming

UUID = "8a1f0d66-2f2b-4c3e-9d55-0c6a3c1b7e90"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DNS tunnel (beta)", "dns-tunnel-beta"),
        ("T1059.001: PowerShell", "t1059.001-powershell"),
        ("Überwachung — défaut", "uberwachung-defaut"),
        ("...", ""),
        ("検知", ""),
        ("a" * 100, "a" * 60),
        ("word " * 20, "-".join(["word"] * 12)),
    ],
)
def test_a_slug_holds_the_words_of_a_name(name, expected):
    assert naming.slug(name) == expected


@pytest.mark.parametrize(
    ("live_id", "name", "globs", "taken", "prefix", "expected"),
    [
        (UUID, "DNS tunnel", ["*"], [], "", "dns-tunnel"),
        (UUID, "検知", ["*"], [], "", "rule-8a1f0d66"),
        ("dns-by-jo", "DNS tunnel", ["*"], [], "", "dns-by-jo"),
        ("Dns_By_Jo", "DNS tunnel", ["*"], [], "", "dns-tunnel"),
        ("dns-by-jo", "DNS tunnel", ["*"], ["dns-by-jo"], "", "dns-tunnel"),
        ("arm.dns-by-jo", "DNS tunnel", ["*"], [], "", "dns-tunnel"),
        (UUID, "DNS tunnel", ["*"], ["dns-tunnel"], "", "dns-tunnel-acme"),
        (UUID, "DNS tunnel", ["*"], ["dns-tunnel", "dns-tunnel-acme"], "", "dns-tunnel-2"),
        (UUID, "DNS tunnel", ["base", "acme-*"], [], "", "acme-dns-tunnel"),
        (UUID, "DNS tunnel", ["*"], [], "acme-", "acme-dns-tunnel"),
        ("dns-by-jo", "DNS tunnel", ["*"], [], "acme-", "acme-dns-tunnel"),
    ],
)
def test_an_id_is_the_live_one_if_people_gave_it_else_made_from_the_name(live_id, name, globs, taken, prefix, expected):
    assert naming.choose(live_id, name, "acme", globs, taken, prefix) == expected


@pytest.mark.parametrize(("globs", "prefix"), [(["base"], ""), (["acme-*"], "globex-"), (["*"], "Not An Id ")])
def test_where_no_id_can_be_deployed_the_way_out_is_said(globs, prefix):
    with pytest.raises(ValueError, match="--id-prefix"):
        naming.choose(UUID, "DNS tunnel", "acme", globs, [], prefix)


@given(st.text(), st.text(max_size=40))
def test_whatever_a_rule_is_called_its_id_is_one(live_id, name):
    found = naming.choose(live_id, name, "acme", ["*"], [], "")

    assert naming.LIVE_ID.fullmatch(found)
    assert found == found.lower()
