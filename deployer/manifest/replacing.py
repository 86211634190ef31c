"""The one write of commands that edit: a file that people write, whole or not at all."""

import os
import shutil
import tempfile
from pathlib import Path

_READABLE = 0o644
"""Mode of a file that is new: Git keeps no more of it."""


def read_text(root: Path, path: str) -> str:
    """The file as it is, with its own line ends and byte order mark."""
    return (root / path).read_bytes().decode("utf-8")


def replace_text(root: Path, path: str, before: str | None, after: str) -> str | None:
    """Put `after` in the place of `before`, or say why not; None for `before` is a file that is not there yet.

    A reader sees the one or the other, never a part.
    """
    real = (root / path).resolve()
    temporary = ""
    try:
        there = read_text(root, path) if before is not None or real.exists() else None
        if there != before:
            return f"{path} was changed meanwhile; run again"
        real.parent.mkdir(parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        with os.fdopen(number, "wb") as file:
            file.write(after.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if before is None:
            Path(temporary).chmod(_READABLE)
        else:
            shutil.copymode(real, temporary)
        Path(temporary).replace(real)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return f"{path} cannot be written: {error.strerror}"
    return None
