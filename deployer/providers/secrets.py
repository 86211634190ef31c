"""Credentials: found by name, held where nothing prints them, sent only to the hosts they are bound to."""

import base64
import contextlib
import html
import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from deployer.errors import Untrusted
from deployer.hosts import Unfit
from deployer.hosts import covers
from deployer.hosts import server
from deployer.model import Credential

MASK = "***"
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")
_COMMAND_SECONDS = 30
_SHORTEST = 4
"""A shorter text is no secret worth the name, and masking it would mangle every report."""


class Secret:
    """A credential's value. Its `repr` and `str` are a mask; only `reveal` gives it away."""

    __slots__ = ("_forms", "_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value
        self._forms = tuple(sorted(_forms(value), key=len, reverse=True))

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def reveal(self) -> str:
        """The value itself, for the one place that puts it into a request."""
        return self._value

    def redact(self, text: str) -> str:
        """`text` without the value, in any of the forms in which a server may echo it."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def resolve(credential: Credential, root: Path) -> Secret:
    """The value of a named credential; `Untrusted` names the credential and what to do, never the value."""
    match credential.source, credential.reference:
        case "env", str(variable):
            value = os.environ.get(variable, "")
            where = f"the environment variable {variable}"
        case "file", str(path):
            value = _read(root / path, credential)
            where = f"the file {path}"
        case "command", Sequence() as words:
            value = _run(tuple(words), root, credential)
            where = f"the command {words[0]}"
        case _:
            raise Untrusted(f"credential {credential.name} says nowhere where its value comes from")
    value = value.strip()
    if not value:
        raise Untrusted(f"credential {credential.name} is empty: set {where}")
    if not _HEADER_SAFE.fullmatch(value):
        raise Untrusted(f"credential {credential.name} holds characters that cannot be sent: look at {where}")
    return Secret(credential.name, value)


def require_bound(credential: Credential, url: str, trusted_hosts: Sequence[str]) -> None:
    """Raise `Untrusted` unless `credential` may be sent to the host of `url`. Called before any request is made."""
    try:
        host = server(url).host
    except Unfit as unfit:
        raise Untrusted(
            f"the address that credential {credential.name} is to go to {unfit}; nothing was sent"
        ) from None
    if not covers(credential.hosts, host):
        bound = ", ".join(credential.hosts) or "no host"
        raise Untrusted(f"credential {credential.name} is bound to {bound}, not to {host}; nothing was sent")
    if not covers(trusted_hosts, host):
        raise Untrusted(
            f"{host} is not among the trusted hosts; nothing was sent. Add it to trusted_hosts if it is right"
        )


def _read(path: Path, credential: Credential) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Untrusted(f"credential {credential.name} cannot be read from {credential.reference}: {reason}") from None


def _run(words: Sequence[str], root: Path, credential: Credential) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the words come from the reviewed environment file
            list(words), cwd=root, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise Untrusted(f"credential {credential.name}: {words[0]} gave no value ({type(error).__name__})") from None
    if done.returncode:
        raise Untrusted(f"credential {credential.name}: {words[0]} ended with exit code {done.returncode}")
    return done.stdout


def _forms(value: str) -> set[str]:
    """The value, its base64 form, and the parts of an encoded `id:key` pair that are long enough to be secret."""
    forms = {value, base64.b64encode(value.encode()).decode()}
    texts = [value]
    with contextlib.suppress(ValueError):
        texts.append(base64.b64decode(value, validate=True).decode())
    for text in texts:
        forms.add(text)
        if ":" in text:
            forms.add(text.split(":", 1)[1])
    forms |= {
        spelled
        for form in forms
        for spelled in (json.dumps(form)[1:-1], quote(form, safe=""), html.escape(form), form.replace("/", "\\/"))
    }
    return {form for form in forms if len(form) >= _SHORTEST}
