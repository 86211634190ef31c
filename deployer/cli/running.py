"""One verb over the selected targets, from its options to its report and exit code."""

import signal
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import shards
from deployer.cli.common import asked
from deployer.cli.common import complaint
from deployer.cli.common import flag
from deployer.cli.common import fleet
from deployer.cli.common import put_out
from deployer.cli.common import trusted_root

if TYPE_CHECKING:
    from deployer.crew import Hands
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome
    from deployer.report.in_waves import Ways
    from deployer.waves import Went


def run(
    verb: str,
    root: Path,
    options: dict[str, Any],
    call: "Callable[[Fleet], list[Outcome]]",
    waves: "Sequence[Went]" = (),
    said: "Sequence[str]" = (),
) -> int:
    """One verb over the selected targets: its report is put out, its exit code returned.

    `waves` is how each wave went, and `said` lines of ours for the report, once `call` has returned.
    """
    from deployer.errors import DeployerError
    from deployer.exits import exit_code
    from deployer.outcome import DONE
    from deployer.report import as_json
    from deployer.report import as_markdown
    from deployer.report import in_waves
    from deployer.report import requests
    from deployer.saved import digest_of
    from deployer.saved import digest_to_approve

    environment = options["environment"]
    shards.begin(root, options, trusted_root())
    # A plan that goes into a file and is not asked for in some form is one to apply later.
    saving = verb == "plan" and options["out"] is not None and options["form"] is None
    form = {"json": as_json, "markdown": as_markdown}.get("json" if saving else options["form"])
    try:
        made = fleet(root, options)
        made.crew.hands = informing()
        with made.crew:
            outcomes = call(made)
        if made.crew.interrupted.is_set():
            # What was done is known now, and is said, however often one asks.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except DeployerError as error:
        if form is as_json:
            put_out(as_json.failure(verb, environment, error, _told(options)), options["out"])
        elif form:
            put_out(as_markdown.failure(verb, environment, error), options["out"])
        raise complaint(error) from None
    code = DONE if shards.is_empty(made) and not outcomes else exit_code(outcomes, waves)
    notes, ways = [*said, *shards.notes(made)], in_waves.Ways(_again(verb, options), _look(options))
    told = {"exit_code": code, **_told(options, made, len(outcomes))}
    if options.get("stats"):
        notes += requests.lines(made.crew.made, outcomes)
        told["requests"] = requests.document(made.crew.made, outcomes)
    if verb == "plan":
        told["digest"] = digest_of(outcomes)
    digest = digest_to_approve(outcomes) if verb == "plan" else ""
    if form is as_json:
        put_out(as_json.render(verb, environment, outcomes, told, waves), options["out"])
    elif form:
        by = options.get("by", "target")
        report = as_markdown.render(verb, environment, outcomes, waves=waves, ways=ways, notes=notes, by=by)
        put_out(report, options["out"])
    if form is None or saving:
        shown = text(outcomes, environment, digest, options.get("by", "target"), waves, ways, notes, verb)
        put_out(shown, None if saving else options["out"])
    return code


def _told(options: dict[str, Any], made: "Fleet | None" = None, targets: int | None = None) -> dict[str, Any]:
    """What a document says of the part of the environment that it is about."""
    return {"asked": asked(options), **shards.told(options, made, targets)}


def _again(verb: str, options: dict[str, Any]) -> str:
    """The command that asks for the same. A saved plan says all that was asked, and is what was approved."""
    if options.get("plan"):
        return _command(verb, options, {"plan": options["plan"]})
    return _command(verb, options, asked(options))


def _look(options: dict[str, Any]) -> str:
    """The command that verifies the same. Without its wave, which is named behind it, and without its shard: the
    tenants of a wave are dealt out among themselves, so that it would be a part of others."""
    return _command("verify", options, {name: options.get(name) for name in ("tenants", "rules")})


def _command(verb: str, options: dict[str, Any], given: dict[str, Any]) -> str:
    import shlex

    words = ["deployer", verb, options["environment"]]
    for name, value in given.items():
        if value is True:
            words.append(flag(name))
        elif value is not None and value is not False:
            for one in value if isinstance(value, tuple | list) else (value,):
                words += [flag(name), str(one)]
    return shlex.join(words)


def informing() -> "Hands":
    """What a person at a terminal sees while targets are worked on; a log sees an interrupt only."""
    from deployer.crew import Hands

    def show(done: int, targets: int) -> None:
        click.echo(f"\r{done:,} of {targets:,} targets ", nl=False, err=True)

    def say(line: str) -> None:
        click.echo(line, err=True)

    return Hands(say, show, 1.0) if sys.stderr.isatty() else Hands(say)


def text(
    outcomes: "Sequence[Outcome]",
    environment: str = "ENV",
    digest: str = "",
    by: str | None = "target",
    waves: "Sequence[Went]" = (),
    ways: "Ways | None" = None,
    notes: "Sequence[str]" = (),
    verb: str = "plan",
) -> str:
    """The report for people: target by target or by change, as asked for; None leaves it to their number."""
    from deployer.report import as_text
    from deployer.report import grouped
    from deployer.report import in_waves

    ways = ways or in_waves.WAYS
    if not grouped.wanted(by, len(outcomes)):
        return as_text.render(outcomes, environment, digest, waves, ways, notes)
    went = in_waves.lines(waves, environment, ways)
    return grouped.render(grouped.rows_of(outcomes), [*went, *as_text.summary(outcomes), *notes], digest, verb=verb)
