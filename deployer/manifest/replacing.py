"""The one write of commands that edit: a tenant's file, whole or not at all."""

import os
import shutil
import tempfile
from pathlib import Path


def read_text(root: Path, path: str) -> str:
    """The file as it is, with its own line ends and byte order mark."""
    return (root / path).read_bytes().decode("utf-8")


def replace_text(root: Path, path: str, before: str, after: str) -> str | None:
    """Put `after` in the place of `before`, or say why not. A reader sees the one or the other, never a part."""
    real = (root / path).resolve()
    temporary = ""
    try:
        if read_text(root, path) != before:
            return f"{path} was changed meanwhile; run again"
        number, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        with os.fdopen(number, "wb") as file:
            file.write(after.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(real, temporary)
        Path(temporary).replace(real)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return f"{path} cannot be written: {error.strerror}"
    return None
