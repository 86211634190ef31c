"""The exceptions of deployer. "No answer" and "the answer was no" never share a class.

DeployerError
├── InvalidManifest        what people wrote cannot be used; carries every finding
│   └── CannotEncode       one target's desired state cannot be expressed on its platform
├── CannotEdit             a file cannot be edited without touching more than what is meant
├── CannotImport           what a vendor publishes cannot be taken over as it is
├── CannotStart            the run cannot begin (no such environment, …)
├── UnsafePlan             the plan changes more than the environment allows
├── StalePlan              what was approved is not the plan of now
├── Declined               the user was shown the plan and said no
├── Unrecorded             a write was not sent, because it could not be journalled
├── EngineError            what came of running a query on local events
│   ├── NotRunnable        no engine of ours can run this; never to be read as "no match"
│   ├── BadQuery           the query is wrong: its grammar, or a table, column or function that is not there
│   └── BadEvents          the events do not fit the table they are for
└── ProviderError          what came of talking to a platform
    ├── Untrusted          refused by us before any request: the credential is not bound to that host
    ├── Unreachable        no answer: connection, TLS, timeout; or no emulator to ask
    ├── Denied             401 or 403: this target is over
    ├── Refused            the platform understood and said no (400, 404 on a write, 413, …)
    ├── Conflict           the object changed, or was taken, since it was read
    ├── Overloaded         429 or 5xx, still so after the bounded retries
    └── BadAnswer          an answer that is not what the platform documents
"""

from collections.abc import Sequence

from deployer.findings import Finding


class DeployerError(Exception):
    """Anything that deployer raises on purpose; its text is meant for the user."""


class InvalidManifest(DeployerError):
    """What people wrote cannot be used; `findings` holds every fault, not only the first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class CannotEncode(InvalidManifest):
    """One target's rules or allowlists cannot be expressed on its platform exactly; nothing may be written there."""


class CannotEdit(DeployerError):
    """A file cannot be edited without touching more than what is meant; it says what to write by hand."""


class CannotImport(DeployerError):
    """What a vendor publishes cannot be fetched, or be taken over without guessing or leaving out; nothing was
    written."""


class CannotStart(DeployerError):
    """The run cannot begin; nothing was asked of any target."""


class UnsafePlan(DeployerError):
    """The plan changes more than the environment allows; nothing of it may be applied."""


class StalePlan(DeployerError):
    """What was approved is not what would be done by now; nothing was written."""


class Declined(DeployerError):
    """The user was shown the plan and said no; nothing was written."""


class Unrecorded(DeployerError):
    """The journal could not be written, so the write that it was for was not sent."""


class EngineError(DeployerError):
    """What came of running a query on local events."""


class NotRunnable(EngineError):
    """No engine of ours can run this; the message names what it cannot run. Never means "no match"."""


class BadQuery(EngineError):
    """The query is wrong. `line` and `column` count from 1 and are None where the engine does not tell the place."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.line = line
        self.column = column
        super().__init__(message)


class BadEvents(EngineError):
    """The events do not fit the table or the fields they are for."""


class ProviderError(DeployerError):
    """What came of talking to a platform. Never means "the object is absent"."""


class Untrusted(ProviderError):
    """A credential was about to go to a host that it is not bound to; no request was made."""


class Unreachable(ProviderError):
    """No answer: name, connection, TLS, timeout."""


class Denied(ProviderError):
    """The platform refused the credential (401 or 403)."""


class Refused(ProviderError):
    """The platform understood the request and said no."""


class Conflict(ProviderError):
    """The object is not what was read a moment ago, or somebody else owns it."""


class Overloaded(ProviderError):
    """The platform answered 429 or 5xx to every bounded try."""


class BadAnswer(ProviderError):
    """The answer is not what the platform documents, so nothing may be concluded from it."""
