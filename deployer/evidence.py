"""What the journals of earlier runs tell of targets: what was ours there, and which places nobody looks at any more."""

from collections.abc import Container
from collections.abc import Mapping

from deployer.drift import Witness
from deployer.journal import Where
from deployer.manifest.load import Manifest
from deployer.model import Target
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Unreadable


def witness_of(target: Target, known: Mapping[Where, Witness]) -> Witness | None:
    """The last that the journals say of the place where a target is, whatever it was called."""
    name = (target.tenant, target.name, "")
    here = [witness for where, witness in known.items() if where[2] == target.address or where == name]
    return max(here, key=lambda witness: witness.at, default=None)


def left_behind(manifest: Manifest, known: Mapping[Where, Witness], chosen: Container[str]) -> list[Outcome]:
    """The places that hold something of ours by the journals, and that Git does not speak of any more.

    A target that got another address is not left behind if what is ours was there without being written there.
    """
    broken = set(manifest.broken_tenants)
    targets = [target for tenant in manifest.tenants for target in tenant.targets]
    there = {(target.tenant, target.name, "") for target in targets}
    for target in targets:
        there |= {where for where in known if where[2] == target.address}
        here = known.get((target.tenant, target.name, target.address))
        if here and here.found:
            there |= {where for where in known if where[:2] == (target.tenant, target.name)}
    return [
        Unreadable(
            Place(tenant, target),
            f"no tenant's file names it any more, and {len(witness.owned)} objects of ours were there after run "
            f"{witness.run}{f', at {address}' if address else ''}: put its file back, then `deployer tenants "
            "retire` takes them out",
        )
        for (tenant, target, address), witness in sorted(known.items(), key=lambda one: one[0])
        if (tenant, target, address) not in there and tenant not in broken and tenant in chosen and witness.owned
    ]
