"""What is looked at: one platform's half of a rule, as it is written or as one target is to get it."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest.document import Document
from deployer.model import Json
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule


@dataclass(frozen=True, slots=True)
class Subject:
    """A rule's half with the place of everything in it."""

    rule: Rule
    platform: Platform
    half: PlatformRule
    document: Document
    """The rule's own file."""
    target: str = ""
    """`tenant/name` of the target whose overlays are applied; empty for the rule as it is written."""
    deployed: bool = False
    """Some target is to hold the rule, so that what its codec says has been said."""

    @property
    def fields(self) -> Mapping[str, Json]:
        """The half's fields, in the platform's own names."""
        return self.half.fields

    @property
    def has_own_query(self) -> bool:
        """Whether an overlay replaces the query of the rule's own file."""
        return f"{self.platform}.query" in self.rule.origins

    def at(self, *path: str | int) -> Location:
        """Where a field was written: in an overlay, or in the rule's own file."""
        for length in range(len(path), 0, -1):
            dotted = ".".join(map(str, (self.platform, *path[:length])))
            if found := self.rule.origins.get(dotted):
                return found
        return self.document.at((self.platform.value, *path))

    def in_query(self, line: int | None, column: int | None) -> Location:
        """A place in the query, in its file or in the overlay that holds it."""
        start = self.half.query_location
        if not self.has_own_query:
            return Location(start.path, line or 1, column or 1)
        # How far a literal block is indented is not known here; of a text on one line its beginning is near enough.
        return Location(start.path, start.line + (line or 1), 1) if "\n" in self.half.query.strip() else start

    def error(self, code: str, message: str, where: Location) -> Finding:
        return Finding(code, f"{self.rule.id}: {message}", Severity.ERROR, where)

    def warning(self, code: str, message: str, where: Location) -> Finding:
        return Finding(code, f"{self.rule.id}: {message}", Severity.WARNING, where)
