"""A crowd of targets after one change of Git: nearly all of them alike, and one of each that is not."""

from dataclasses import replace
from datetime import UTC
from datetime import datetime
from typing import Any

from deployer.findings import Finding
from deployer.findings import Location
from deployer.model import Acceptance
from deployer.model import NotApplicable
from deployer.model import Platform
from deployer.origins import Origin
from deployer.origins import Said
from deployer.origins import Voice
from deployer.outcome import Kept
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.plan import make_plan
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import Unmanaged
from tests import make

NAMES = (
    *("acme", "blackmesa", "cyberdyne", "duff", "globex", "hooli", "initech", "momcorp", "nakatomi", "octan", "oscorp"),
    *("pied", "rekall", "sirius", "tyrell", "umbrella"),
)
NIGHT = datetime(2026, 11, 21, 2, 14, 7, tzinfo=UTC)
BODY = {"severity": "high", "risk": 73, "tags": ["a", "b"], "note": "One.\nTwo."}
QUERY = 'let Threshold = {threshold};\nlet Allowed = dynamic(["{allowed}"]);\nEvents\n| take Threshold\n'


def crowd(text: str = "") -> list[Outcome]:
    """Their outcomes; `text` stands wherever a live system could put it."""
    lost = [
        Unreadable(Place(name, "kibana"), f"503 from https://{name}.example/s/{name}: busy{text}")
        for name in ("vandelay", "weyland")
    ]
    fault = Finding("yaml-syntax", f"not YAML{text}", location=Location("environments/prod/tenants/wonka.yaml", 3))
    refused = Finding("limits", "zorg/kibana: would delete 20 of 20 rules; pass --allow-deletes 20 if that is meant")
    kibana = [_kibana(number, name, text) for number, name in enumerate(NAMES)]
    sentinel = [_sentinel(number, name) for number, name in enumerate(NAMES)]
    stopped = [Stopped(Place("wonka"), (fault,)), Stopped(Place("zorg", "kibana"), (refused,), refused=True)]
    found: list[Outcome] = [*kibana, *sentinel, *lost, *stopped]
    return sorted(found, key=lambda one: (one.place.tenant, one.place.target or ""))


def ours(one: Resource, **live: Any) -> Resource:
    """It, as it stands in a target after we wrote it."""
    return replace(one, mark=make.marked(one), **live)


def _kibana(number: int, name: str, text: str) -> Planned:
    rule = make.resource("beacon", body=BODY)
    before = {**BODY, "severity": "medium" if number % 5 else "low", "risk": 47, "tags": ["a"], "note": "One.\nTwo!"}
    found = [make.resource("beacon", body=before)]
    wanted = [rule, make.resource("new"), make.resource(f"servers-{number:012x}", Kind.ITEM, name=f"192.0.2.{number}")]
    wanted.append(make.resource("servers-aaaaaaaaaaaa", Kind.ITEM, name="198.51.100.0/24"))
    other, mine = make.resource("relay", body={"value": 40}), make.resource("relay", body={"value": 40})
    kept: list[Kept] = []
    if name == "globex":
        there = Said(Voice.TENANT, Location("environments/prod/tenants/globex.yaml", 12), "low", "tag:noisy")
        body = {**BODY, "severity": "low"}
        rule, wanted[0] = replace(rule, body=body), replace(rule, body=body)
        found = [replace(found[0], body={**found[0].body, "severity": "low"})]
        kept.append(Kept(rule.key, ("severity",), "low", Origin(("severity",), "low", (there,))))
    live = [ours(found[0], carried={f"actions{text}": "x"} if number < 2 else {})]
    if name in ("duff", "hooli"):
        live.append(replace(ours(other), body={"value": number, f"x{text}": 1}, edited_by=f"jo{text}", edited_at=NIGHT))
    elif name == "initech":
        live.append(replace(other, body={"value": 1}))  # no mark: somebody else's
    elif name == "momcorp":
        live.append(replace(other, body={"value": 1}, mark=make.marked(other, owner="somebody")))
    else:
        live.append(ours(mine))
    if number in (3, 4):
        live.append(ours(make.resource("old", name=f"Old{text}")))
    left = (Unmanaged(Kind.RULE, f"mine{text}", f"Mine{text}", f"added by hand{text}"),) if number == 7 else ()
    idle = NotApplicable("dns", "needs dataset dns, which the tenant does not have")
    desired = replace(
        make.desired(*wanted, other),
        not_applicable=(idle,) if number % 3 else (),
        accepted=_accepted() if name == "octan" else (),
    )
    if name == "octan":
        live = [one for one in live if one.key.id != "relay"] + [replace(ours(other), body={"value": 15})]
    plan = make_plan(desired, make.live(*live, unmanaged=left))
    return Planned(Place(name, "kibana"), replace(plan, platform=Platform.KIBANA), kept=tuple(kept))


def _sentinel(number: int, name: str) -> Planned:
    allowed = f"192.0.2.{number}"
    rule = make.resource("beacon", body={"severity": "High", "query": QUERY.format(threshold=25, allowed=allowed)})
    before = replace(rule, body={"severity": "Medium", "query": QUERY.format(threshold=20, allowed=allowed)})
    kept: tuple[Kept, ...] = ()
    if name in ("acme", "globex"):
        rule, before = (replace(one, body={**one.body, "query": "Events\n"}) for one in (rule, before))
        where = Location(f"environments/prod/tenants/{name}.yaml", 14)
        origin = Origin((), None, (Said(Voice.TENANT, where, 45, "beacon"),))
        kept = (Kept(rule.key, ("query", "let Threshold"), "45", origin),)
    if name == "tyrell":
        plan = make_plan(make.desired(rule), make.live(ours(rule)))
        kept = (Kept(rule.key, ("severity",), "High"), Kept(rule.key, ("query", "let Threshold"), "25"))
    else:
        plan = make_plan(make.desired(rule), make.live(ours(before)))
    return Planned(Place(name, "sentinel"), replace(plan, platform=Platform.SENTINEL), kept=kept)


def _accepted() -> tuple[Acceptance, ...]:
    where = Location("environments/prod/tenants/octan.yaml", 30)
    return (Acceptance("rule/relay", {"value": 15}, "2026-12-31", "A trial", "jo@octan.example", where),)
