"""A small repository in a folder of its own, the edits that people commit to it, and `deployer` run on it."""

import contextlib
import functools
import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deployer.cli.main import run
from deployer.emulator import Emulator

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ALPHA, BETA = "alpha", "beta"
RULES = (ALPHA, BETA)
ELSEWHERE = "elsewhere"
"""A rule whose data the tenant does not have: an environment without any rule would be an error."""
WRITES = "POST|PUT|PATCH|DELETE"
SERVICES = {"kibana": "/kibana/", "sentinel": "/arm/"}
KEYS = {"SITE_KIBANA_KEY": "cGxhbnRlZDpTM2NyM3RLZXlPZkFjbWU=", "SITE_ARM_TOKEN": "eyJhbGciOiJub25lIn0.e30.cGxhbnRlZA"}
ALLOWLISTS = """\
categories:
  servers:
    title: Servers
    description: Servers that are allowed.
    kinds: [ip]
    direction: outbound
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: Allowed, ipv6: AllowedIPv6, scoped: Scoped}
"""
KQL = {
    ALPHA: """\
let Allowed = dynamic([]);
let AllowedIPv6 = dynamic([]);
let Scoped = (Host:string, Process:string, Address:string, Port:int) { false };
DeviceNetworkEvents
| where not(ipv4_is_in_any_range(RemoteIP, Allowed)) and not(ipv6_is_in_any_range(RemoteIP, AllowedIPv6))
| where not(Scoped(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
| take 10
""",
    BETA: "DeviceNetworkEvents\n| where RemotePort == 4444\n| take 10\n",
}
NEUTRAL: dict[str, Any] = {
    "description": "What it finds.", "severity": "high", "confidence": "medium",
    "attack": [{
        "tactic": {"id": "TA0011", "name": "Command and Control"},
        "technique": {"id": "T1071", "name": "Application Layer Protocol"},
    }],
    "data_sources": ["Network Traffic"], "references": ["https://example.org/r"],
    "false_positives": [{"cause": "An agent.", "tuning": "Allow it."}],
}  # fmt: skip
VIEW = {
    "name": "A view", "timeFieldName": "@timestamp",
    "runtimeFieldMap": {"our.hour": {"type": "long", "script": {"source": "emit(1L);"}}},
}  # fmt: skip
KIBANA: dict[str, dict[str, Any]] = {
    ALPHA: {"type": "threshold", "threshold": {"field": ["host.name"], "value": 20}, "data_view": VIEW},
    BETA: {"type": "query"},
}
SENTINEL = {
    "data": ["DeviceNetworkEvents"], "kind": "Scheduled", "queryFrequency": "PT1H", "queryPeriod": "P1D",
    "triggerOperator": "GreaterThan", "triggerThreshold": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What one command line came to; None as code means that it was killed."""

    code: int | None
    out: str
    err: str = ""

    @property
    def told(self) -> str:
        """Everything that it said."""
        return self.out + self.err


class Repository:
    """What Git holds, for one tenant with a space and a workspace of the same name."""

    def __init__(self, root: Path, emulator: Emulator, place: str) -> None:
        self.root, self.emulator, self.place = root, emulator, place
        self.environment = root / "environments/site/environment.yaml"
        self.tenant = root / "environments/site/tenants/acme.yaml"
        self.tenant.parent.mkdir(parents=True)
        self._write_rules()
        self._write_environment()

    # -- what people commit -------------------------------------------------------------------------------------------

    def edit(self, change: Callable[[Any], None], file: Path | None = None) -> None:
        """Change a document, the tenant's unless told otherwise."""
        file = file or self.tenant
        document = yaml.safe_load(file.read_text())
        change(document)
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    def overlay(self, platform: str, rule: str, field: str, value: Any) -> None:
        """Tune a rule for the tenant."""

        def change(document: Any) -> None:
            block = document.setdefault("overlay", {}).setdefault(rule, {}).setdefault(platform, {})
            *path, last = field.split(".")
            for name in path:
                block = block.setdefault(name, {})
            block[last] = value

        self.edit(change)

    def select(self, rule: str, *, wanted: bool) -> None:
        """Take a rule out, with everything that speaks of it, or put it back."""
        rules = [one for one in RULES if (one in self.rules() and one != rule) or (one == rule and wanted)]
        self.edit(lambda document: document.update(rules=[*rules, ELSEWHERE]), self.environment)
        if not wanted:
            self.edit(lambda document: document.get("overlay", {}).pop(rule, None))
            self._accept_only(lambda one: one["object"] not in (f"rule/{rule}", "data_view/deployer-alpha"))
            self._accept_only(lambda one: rule == BETA or not one["object"].startswith(("item/", "list/")))

    def allow(self, value: str) -> None:
        """Add an allowlist entry."""
        entry = {"value": value, "reason": "Known.", "owner": "soc@acme.example"}
        self.edit(lambda document: document.setdefault("allowlists", {}).setdefault("servers", []).append(entry))

    def disallow(self, value: str) -> None:
        """Take an entry out."""
        self.edit(lambda document: _keep(document.get("allowlists", {}), "servers", lambda one: one["value"] != value))
        self._accept_only(lambda one: not one["object"].startswith("item/"))

    def accept(self, platform: str, rule: str, field: str, value: Any) -> None:
        """Accept drift of a field."""
        entry = {"object": f"rule/{rule}", "target": platform, "fields": {field: value}, "until": "2099-12-31",
                 "reason": "A trial.", "owner": "jo@acme.example"}  # fmt: skip
        self.edit(lambda document: document.setdefault("accepted", []).append(entry))

    def accept_nothing(self) -> None:
        """Take every acceptance out."""
        self.edit(lambda document: document.pop("accepted", None))

    def _accept_only(self, wanted: Callable[[Any], bool]) -> None:
        self.edit(lambda document: _keep(document, "accepted", wanted))

    # -- what Git says ------------------------------------------------------------------------------------------------

    def rules(self) -> list[str]:
        """The rules that are wanted."""
        return [one for one in _parsed(self.environment.read_text())["rules"] if one in RULES]

    def entries(self) -> list[Any]:
        """The tenant's allowlist entries."""
        return (_parsed(self.tenant.read_text()).get("allowlists") or {}).get("servers") or []

    def overlaid(self, platform: str, rule: str) -> dict[str, Any]:
        """What the tenant's file says of a rule on a platform."""
        overlay = _parsed(self.tenant.read_text()).get("overlay") or {}
        block: dict[str, Any] = (overlay.get(rule) or {}).get(platform) or {}
        return block

    def accepted(self, platform: str, rule: str, field: str) -> list[Any]:
        """The live values of a field that are accepted."""
        found = _parsed(self.tenant.read_text()).get("accepted") or []
        mine = [one["fields"] for one in found if (one["object"], one["target"]) == (f"rule/{rule}", platform)]
        return [fields[field] for fields in mine if field in fields]

    def accepts(self, object: str) -> bool:
        """Whether anything of an object is accepted."""
        found = _parsed(self.tenant.read_text()).get("accepted") or []
        return any(one["object"] == object for one in found)

    # -- deployer -----------------------------------------------------------------------------------------------------

    def deployer(self, verb: str, *options: str) -> Ran:
        """One command line in this process. One target at a time, so that the same steps are the same run again."""
        arguments = ["--root", str(self.root), verb, "site", "--jobs", "1", *options]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(arguments)
        return Ran(code, out.getvalue(), err.getvalue())

    def kill(self, platform: str, number: int, *, applied: bool, verb: str, options: tuple[str, ...]) -> Ran:
        """The same in a process of its own that is killed while its `number`-th write waits for an answer."""
        fault = {"kind": "timeout", "after": number - 1, "times": 1, "applied": applied}
        self.emulator.fault(path=SERVICES[platform], method=WRITES, **fault)
        if (child := os.fork()) == 0:
            try:
                os._exit(self.deployer(verb, *options).code or 0)
            finally:
                os._exit(70)
        ended = 0
        while not (stalled := self.emulator.stalled(0.02)) and ended == 0:
            ended, status = os.waitpid(child, os.WNOHANG)
        if stalled:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.emulator.clear_faults()
        return Ran(None if stalled else os.waitstatus_to_exitcode(status), "")

    def runs(self) -> list[str]:
        """The ids of the runs that wrote something, oldest first."""
        files = (self.root / ".deployer/journal").glob("*.jsonl")
        wrote = [file for file in files if b'"phase":"writing"' in file.read_bytes()]
        return [file.stem for file in sorted(wrote, key=lambda one: one.stat().st_mtime_ns)]

    # -- the first commit ---------------------------------------------------------------------------------------------

    def _write_rules(self) -> None:
        (self.root / "rules").mkdir()
        (self.root / "rules/allowlists.yaml").write_text(ALLOWLISTS)
        for rule in RULES:
            kibana = {"data": ["events"], "index": ["logs-*"], "from": "now-2h", "interval": "5m", **KIBANA[rule]}
            lists = {"allowlists": ["servers"]} if rule == ALPHA else {}
            self._write_rule(rule, **lists, kibana=kibana, sentinel=SENTINEL)
            (self.root / "rules" / rule / "sentinel.kql").write_text(KQL[rule])
        self._write_rule(ELSEWHERE, kibana={"data": ["others"], "index": ["others-*"], **KIBANA[BETA]})

    def _write_rule(self, rule: str, **parts: Any) -> None:
        folder = self.root / "rules" / rule
        folder.mkdir()
        document = {"id": rule, "name": f"Rule {rule}", **NEUTRAL, **parts}
        (folder / "rule.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        (folder / "kibana.kuery").write_text("host.name : *\n")

    def _write_environment(self) -> None:
        credentials = {
            "kibana": {"type": "api_key", "env": "SITE_KIBANA_KEY", "hosts": ["127.0.0.1"]},
            "arm": {"type": "bearer", "env": "SITE_ARM_TOKEN", "hosts": ["127.0.0.1"]},
        }
        environment = {
            "owner": "site-soc", "trusted_hosts": ["127.0.0.1"], "credentials": credentials,
            "rules": [*RULES, ELSEWHERE],
        }  # fmt: skip
        self.environment.write_text(yaml.safe_dump(environment, sort_keys=False))
        url = self.emulator.url
        targets = {
            "kibana": {"platform": "kibana", "url": f"{url}/kibana", "space": self.place, "credential": "kibana"},
            "sentinel": {
                "platform": "sentinel", "endpoint": f"{url}/arm", "credential": "arm",
                "subscription_id": SUBSCRIPTION, "resource_group": "soc", "workspace": self.place,
            },
        }  # fmt: skip
        sources = {"kibana": {"events": []}, "sentinel": ["DeviceNetworkEvents"]}
        tenant = {"targets": targets, "data_sources": sources}
        self.tenant.write_text(yaml.safe_dump(tenant, sort_keys=False))
        self.allow("192.0.2.10")


@functools.lru_cache(64)
def _parsed(text: str) -> Any:
    """Asked for again and again by the model; nobody may change what comes of it."""
    return yaml.load(text, yaml.CSafeLoader)


def _keep(document: Any, name: str, wanted: Callable[[Any], bool]) -> None:
    """Keep only some of a list, and no empty list."""
    if kept := [one for one in document.get(name) or [] if wanted(one)]:
        document[name] = kept
    else:
        document.pop(name, None)
