"""--shard: which part of the tenants a job of a CI matrix is about, and what its report says of that."""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

if TYPE_CHECKING:
    from deployer.fleet import Fleet
    from deployer.shards import Shard

_CI_RUNS = ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_BUILDID")
"""Where GitHub, GitLab and Azure Pipelines name the run; on GitHub without the attempt: a run may be gone on with."""


class _Written(click.ParamType["Shard"]):
    """`3/10`."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Shard":
        from deployer.shards import parse

        try:
            return parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


option = click.option(
    "--shard",
    type=_Written(),
    metavar="I/N",
    help="Only the I-th of N equal parts of these tenants, for a CI matrix (`tenants ENV --shards N`).",
)


def begin(root: Path, options: dict[str, Any], trusted_root: Path | None) -> None:
    """Keep with the options of a shard what its document will say of the run, as it is now: before anything is done."""
    from datetime import UTC
    from datetime import datetime

    from deployer.manifest.contents import digest
    from deployer.report.sharded import Run

    if options.get("shard"):
        ci_run = next((os.environ[name] for name in _CI_RUNS if os.environ.get(name)), None)
        options["run"] = Run(digest(root, options["environment"], trusted_root), ci_run, datetime.now(UTC))


def told(options: dict[str, Any], fleet: "Fleet | None" = None, targets: int | None = None) -> dict[str, Any]:
    """What a document says of its shard; nothing of a run over all tenants. No `fleet` where the run stopped before.

    It needs `begin`. `targets` is of how many targets it tells.
    """
    from deployer.report import sharded

    if not options.get("shard"):
        return {}
    dealt = fleet.chosen.dealt if fleet else None
    return {"shard": sharded.document(options["shard"], options["run"], dealt, targets)}


def notes(fleet: "Fleet") -> list[str]:
    """The same for people."""
    from deployer.report import sharded

    return [sharded.line(fleet.chosen.dealt)] if fleet.chosen.dealt else []


def is_empty(fleet: "Fleet") -> bool:
    """Whether the run is about a shard that no tenant was left for: there is nothing to do, and nothing is left out.

    That is no failure: a matrix with more jobs than customers must not be red for it. An environment without any
    tenant is another matter.
    """
    dealt = fleet.chosen.dealt
    return dealt is not None and bool(dealt.names) and not dealt.own
