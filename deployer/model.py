"""What people write, after validation: rules, allowlists, tenants, targets, environments.

Plain frozen values with small derivations only. Platform words live inside `PlatformRule.fields`, which holds the
platform's own field names, and in the two target types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeAlias

from deployer.allowances import Allowance as Allowance
from deployer.allowances import Category as Category
from deployer.allowances import Entry as Entry
from deployer.allowances import Exemption as Exemption
from deployer.allowances import Json as Json
from deployer.allowances import Policy as Policy
from deployer.allowances import ValueKind as ValueKind
from deployer.findings import Location


class Platform(StrEnum):
    """The two kinds of place that rules go to."""

    KIBANA = "kibana"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True)
class Named:
    """An ATT&CK object: its id and its name, e.g. T1584.005 and Botnet."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Attack:
    """One line of a rule's ATT&CK mapping."""

    tactic: Named
    technique: Named
    subtechnique: Named | None = None


@dataclass(frozen=True, slots=True)
class FalsePositive:
    """A harmless cause of the detection, and what to do about it."""

    cause: str
    tuning: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """One departure from the text that a rule was made from, with its reason."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class PlatformRule:
    """One platform's half of a rule."""

    query: str
    """A whole query that runs as it is: the text of the query file, or of the overlay that replaces it."""
    fields: Mapping[str, Json]
    """The `kibana:` or `sentinel:` block, in the platform's own field names; it wins over the neutral part."""
    data: tuple[str, ...]
    """Datasets (Kibana) or tables (Sentinel) that the query reads."""
    query_location: Location
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """Values for the query's own `let` statements, from overlays (Sentinel only)."""
    exceptions: tuple[str, ...] = ()
    """The query's own `let` statements that tenants' exceptions may add values to (Sentinel only)."""
    dropped: frozenset[str] = frozenset()
    """Fields that overlays take out, also those that would otherwise be made of the rule's neutral part."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A detection, in neutral terms, with one or two platform halves. After overlays it is the same type."""

    id: str
    name: str
    description: str
    severity: str
    """low, medium, high or critical."""
    confidence: str
    """low, medium or high; empty where nobody has said so."""
    attack: tuple[Attack, ...]
    data_sources: tuple[str, ...]
    references: tuple[str, ...]
    false_positives: tuple[FalsePositive, ...]
    deviations: tuple[Deviation, ...]
    allowlists: tuple[str, ...]
    """Names of the categories whose entries this rule honours."""
    kibana: PlatformRule | None
    sentinel: PlatformRule | None
    location: Location
    enabled: bool = True
    purpose: str = "detection"
    """detection: a match is worth an alert. hunting: harmless causes are many, a match is where a search begins."""
    source: str = ""
    """What the rule was made from."""
    formerly: tuple[str, ...] = ()
    """Earlier ids, oldest first; the live objects keep the oldest, so that a rename loses no alert history."""
    tenants: tuple[str, ...] = ()
    """Globs: the tenants (`acme`), or single targets (`acme/kibana`), that it goes to; empty means all of them."""
    tags: tuple[str, ...] = ()
    origins: Mapping[str, Location] = field(default_factory=dict)
    """Dotted path of a value that an overlay set, and where it was set."""

    def is_for(self, target: "Target") -> bool:
        """Whether it goes to a target, as far as the rule itself says."""
        names = (target.tenant, f"{target.tenant}/{target.name}")
        return not self.tenants or any(fnmatchcase(name, glob) for name in names for glob in self.tenants)

    @property
    def live_id(self) -> str:
        """The id that live objects are known by."""
        return self.formerly[0] if self.formerly else self.id

    def on(self, platform: Platform) -> PlatformRule | None:
        """The half for `platform`, if the rule has one."""
        return self.kibana if platform is Platform.KIBANA else self.sentinel


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Drift that is accepted: live values which differ from Git and stay as they are while this stands in Git."""

    object: str
    """As reports print it, e.g. `rule/t1584.005-botnet-node`."""
    fields: Mapping[str, Json]
    """The live value that is accepted, by the path that reports print; None where the field is absent."""
    until: str
    """The last day, UTC. From then on `drift` reports it again; `apply` leaves it alone all the same, because the
    clock never changes a plan of what Git holds."""
    reason: str
    owner: str
    location: Location
    target: str | None = None
    """Name of a target of the tenant; None means every one."""

    def covers(self, day: date) -> bool:
        """Whether the acceptance still holds on that day."""
        return day.isoformat() <= self.until


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret by name: where its value comes from, and the only hosts it may be sent to. Never holds the value."""

    name: str
    type: str
    """api_key or basic (Kibana); client_secret, chain or bearer (Sentinel)."""
    source: str
    """env, file or command; empty for `chain`."""
    reference: str | tuple[str, ...]
    """Name of the variable, path, or command with its arguments."""
    hosts: tuple[str, ...]
    location: Location
    tenant_id: str | None = None
    client_id: str | None = None
    cloud: str = "public"
    """public, usgov or china."""
    tenants: tuple[str, ...] = ("*",)
    """Globs: the tenants whose targets may name it. Azure has one host for all, so hosts alone bind little there."""


@dataclass(frozen=True, slots=True)
class ElasticsearchAddress:
    """The cluster below a Kibana, which `verify` asks whether data arrives."""

    url: str
    credential: str
    """Name of a credential of type api_key or basic that may read the rules' indices."""
    ca: str | None = None
    """Path of a CA bundle: absolute, or relative to the repository."""


@dataclass(frozen=True, slots=True)
class KibanaTarget:
    """One Kibana space."""

    tenant: str
    name: str
    location: Location
    url: str | None = None
    """None when `emulator` is true, and only then."""
    space: str = "default"
    credential: str | None = None
    ca: str | None = None
    """Path of a CA bundle: absolute, or relative to the repository."""
    emulator: bool = False
    overlay: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    elasticsearch: ElasticsearchAddress | None = None
    """An emulated target has the emulator's, without being told."""

    @property
    def platform(self) -> Platform:
        return Platform.KIBANA

    @property
    def address(self) -> str:
        """Where it is: two targets of one address are the same space."""
        return f"{'emulator' if self.emulator else (self.url or '').rstrip('/')}/s/{self.space}"


@dataclass(frozen=True, slots=True)
class SentinelTarget:
    """One Microsoft Sentinel workspace."""

    tenant: str
    name: str
    location: Location
    subscription_id: str
    resource_group: str
    workspace: str
    credential: str | None = None
    endpoint: str | None = None
    """ARM endpoint; None means that of the credential's cloud."""
    logs_endpoint: str | None = None
    """Of the Log Analytics query API; None means that of the credential's cloud."""
    api_version: str | None = None
    emulator: bool = False
    overlay: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        return Platform.SENTINEL

    @property
    def address(self) -> str:
        """Where it is: two targets of one address are the same workspace."""
        place = f"{self.subscription_id}/{self.resource_group}/{self.workspace}".lower()
        return f"{'emulator' if self.emulator else (self.endpoint or '').rstrip('/')}/{place}"


Target: TypeAlias = KibanaTarget | SentinelTarget


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer: where its rules go, what data it has, what it allows, what it tunes."""

    name: str
    targets: tuple[Target, ...]
    datasets: Mapping[str, tuple[str, ...]]
    """Kibana datasets that the customer has, each with its index patterns (none: the rule's own)."""
    tables: tuple[str, ...]
    """Sentinel tables that the customer has."""
    allowlists: Mapping[str, tuple[Entry, ...]]
    overlay: Mapping[str, Mapping[str, Json]]
    location: Location
    accepted: tuple[Acceptance, ...] = ()
    exemptions: tuple[Exemption, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may change in one target before the plan is refused."""

    deletes: int = 2
    """Rule deletes that are always allowed."""
    delete_share: int = 20
    """Percent of the target's owned rules that may be deleted, if that is more."""
    updates: int = 50
    """Rules that may be updated or claimed."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What lets the next wave begin: what `verify` finds in the tenants of this one."""

    levels: tuple[str, ...]
    """The verify levels that count."""
    minutes: int = 0
    """How long to look again while answers are only awaited."""
    may_fail: int = 0
    """How many tenants of the wave may fail."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Some of the tenants of an environment, which are applied to and verified before the tenants of the next wave."""

    name: str
    gate: Gate
    location: Location
    tenants: tuple[str, ...] = ()
    """Names or globs."""
    share: int | None = None
    """Percent of all tenants of the environment. Without either it takes everybody who is left."""

    @property
    def takes_everybody(self) -> bool:
        """Whether it takes all who are in no other wave."""
        return not self.tenants and self.share is None


@dataclass(frozen=True, slots=True)
class Environment:
    """A named group of tenants and what holds for all of them."""

    name: str
    owner: str
    rules: tuple[str, ...]
    """Globs: the rules that this environment deploys."""
    trusted_hosts: tuple[str, ...]
    credentials: Mapping[str, Credential]
    limits: Limits
    require: tuple[str, ...]
    """The verify levels that count."""
    overlay: Mapping[str, Mapping[str, Json]]
    location: Location
    grace_days: int = 0
    """How long a rule that was taken out of Git stays, disabled, before it is deleted; 0 deletes it at once."""
    policy: Policy = field(default_factory=Policy)
    """For what tenants allow in categories that `policies` does not name, and outside of all categories."""
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """Policies of single categories, complete."""
    waves: tuple[Wave, ...] = ()
    """In which order tenants are applied to, the last wave taking everybody who is left; empty means all at once."""

    def policy_of(self, category: str) -> Policy:
        """The policy for entries of a category."""
        return self.policies.get(category, self.policy)


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A rule that has nothing to run on in a target, and why."""

    rule: str
    reason: str
    formerly: tuple[str, ...] = ()

    @property
    def live_id(self) -> str:
        """The id that a live object of it would be known by."""
        return self.formerly[0] if self.formerly else self.rule


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything that one target is to hold, in the words that people write."""

    owner: str
    environment: str
    target: Target
    rules: tuple[Rule, ...]
    """Overlays applied; each has a half for the target's platform and the data it needs."""
    categories: Mapping[str, Category]
    entries: Mapping[str, tuple[Entry, ...]]
    not_applicable: tuple[NotApplicable, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
    grace_days: int = 0
    exemptions: tuple[Exemption, ...] = ()
    """Those that name one of the rules."""
