"""The files that a whole report is made of, each with the document in it, or with why it cannot be used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from deployer.report.complete import lacking
from deployer.report.merged import text
from deployer.report.shapes import fault

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """A file that was given, and what stands in it; or why that cannot be used."""

    name: str
    document: Document = field(default_factory=dict)
    fault: str = ""

    @classmethod
    def read(cls, name: str, text: str) -> "Given":
        """The document in a file."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            said = "it is not JSON: the job was stopped, or `--format json` is missing" if text else "it is empty"
            return cls(name, fault=said)
        problem = fault(document) or _unreadable(document)
        return cls(name, fault=problem) if problem else cls(name, document)


def shard_of(document: Mapping[str, Any]) -> tuple[int, int]:
    """Its number and how many there are; what names no shard is all of it."""
    told = document.get("shard", {"index": 1, "of": 1})
    return told["index"], told["of"]


def _unreadable(document: Document) -> str:
    """Why no report can be made of it, or only one with parts missing; empty if all of it is there."""
    try:
        text(document)
        return lacking(document)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return f"it was damaged ({type(error).__name__}: {error})"
