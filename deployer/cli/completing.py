"""What a shell offers for ENV, --tenant and --rule: names of folders and files, none of which is opened."""

import re
from collections.abc import Iterable
from pathlib import Path

import click

# A shell puts into its line what it is offered, as it is: a folder whose name is a command is not offered.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)


def environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The environments there are."""
    return environments_of(context, incomplete)


def environments_of(context: click.Context, incomplete: str) -> list[str]:
    """The environments there are, for a word that is no parameter."""
    found = _root(context).glob("environments/*/environment.yaml")
    return _offered((file.parent.name for file in found), incomplete)


def tenants(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The tenants of the environment that the line has named so far, or else of all."""
    folder = _root(context) / "environments"
    # click gives arguments no values where the last option of a line lacks its own.
    named = context.params.get("environment") or next(iter(context.args), None)
    found = (folder / named / "tenants").glob("*.yaml") if named else folder.glob("*/tenants/*.yaml")
    return _offered((file.stem for file in found), incomplete)


def rules(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The ids of the rules there are."""
    return _offered((file.parent.name for file in _root(context).glob("rules/*/rule.yaml")), incomplete)


def _root(context: click.Context) -> Path:
    # While a line is completed no command runs, so that nothing has put it into the context yet.
    return Path(context.find_root().params.get("root") or ".")


def _offered(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete) and _NAME.fullmatch(name)})
