"""The site with one rule and a space for each tenant: enough for waves, and quickly applied."""

import shutil
from typing import Any

import yaml

RULE = "t1584.005-botnet-node"


def make_small(site: Any, *, more: tuple[str, ...] = ()) -> None:
    """acme and globex with a Kibana space each and one rule; `more` are further tenants of the kind."""
    for folder in (one for one in (site.root / "rules").iterdir() if one.is_dir()):
        if folder.name not in (RULE, "allowlists"):
            shutil.rmtree(folder)
    for name in ("acme", "globex"):
        site.edit(site.tenant(name), lambda one: one.update(targets={"kibana": one["targets"]["kibana"]}))
        site.edit(site.tenant(name), lambda one: one.update(data_sources={"kibana": {"endpoint.events.network": []}}))
    for name in more:
        other = yaml.safe_load(site.tenant("globex").read_text())
        other["targets"]["kibana"]["space"] = name
        site.tenant(name).write_text(yaml.safe_dump(other))


def set_waves(site: Any, *waves: Any, **more: Any) -> None:
    """The waves, and what else `environment.yaml` is to say."""
    path = site.root / "environments/site/environment.yaml"
    site.edit(path, lambda one: one.update(rules=[RULE], waves=list(waves), **more))
