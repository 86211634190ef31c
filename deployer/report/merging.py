"""The JSON documents of the shards of one run, made into the document of the whole run.

What was given and does not belong, and what belongs and was not given, is a finding of the whole, and weighs as a
target that could not be looked at: with any of them the exit code is 3, or 1.
"""

import json
from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import chain
from typing import Any

from deployer.errors import CannotStart
from deployer.exits import Weight
from deployer.exits import joint
from deployer.findings import Finding
from deployer.outcome import FAILED
from deployer.report.as_json import SCHEMA
from deployer.report.as_json import finding
from deployer.report.belonging import of_one_run
from deployer.report.given import Document
from deployer.report.given import Given
from deployer.report.given import shard_of
from deployer.saved import digest_over
from deployer.waves import Verdict

_OWN = frozenset(
    "schema verb environment exit_code error findings digest asked shard merged waves targets summary".split()
)
"""The fields that are made out of all shards, one by one; others are kept as they are."""


_NAMED = 20
"""Missing shards that a message names."""


def merge(files: Sequence[Given]) -> Document:
    """One document of all of them, as one run over all shards would have made it, and `merged` about the shards.

    Those of another run than the others are left out. Raises `CannotStart` if there is nothing to make it of.
    """
    findings = [Finding("shard-unusable", f"{one.name} cannot be used: {one.fault}") for one in files if one.fault]
    found, foreign = of_one_run([one for one in files if not one.fault])
    findings += foreign
    if not found:
        said = "".join(f"\n{one.message}" for one in findings)
        raise CannotStart(f"there is no document of any shard{said}")
    found, twice = _each_once(found)
    findings += [*twice, *_missing(found), *_overlapping(found)]
    return _document(found, findings)


def _each_once(found: Sequence[Given]) -> tuple[list[Given], list[Finding]]:
    """The first document of each shard, in their order, and a finding for each that comes again."""
    first: dict[int, Given] = {}
    findings = []
    for one in found:
        index, of = shard_of(one.document)
        if index in first:
            said = f"{one.name} is of shard {index}/{of}, and so is {first[index].name}"
            findings.append(Finding("shard-twice", f"{said}: it was left out of the report"))
        else:
            first[index] = one
    return [first[index] for index in sorted(first)], findings


def _missing(found: Sequence[Given]) -> Iterator[Finding]:
    lost, of = _absent(found)
    if lost:
        named = ", ".join(f"{index}/{of}" for index in lost[:_NAMED])
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        them, are = ("its", "is") if len(lost) == 1 else ("their", "are")
        words = f"shard{'' if len(lost) == 1 else 's'} {named}{more} {are} missing"
        yield Finding("shard-missing", f"{words}: nothing is known of {them} tenants")


def _absent(found: Sequence[Given]) -> tuple[list[int], int]:
    """The shards that are not there, and how many there should be."""
    _, of = shard_of(found[0].document)
    there = {shard_of(one.document)[0] for one in found}
    return [index for index in range(1, of + 1) if index not in there], of


def _overlapping(found: Sequence[Given]) -> Iterator[Finding]:
    """A tenant is in one shard; in two, somebody has changed a document, and it counts twice."""
    homes: dict[str, list[str]] = {}
    for one in found:
        for tenant in dict.fromkeys(target["tenant"] for target in one.document["targets"]):
            homes.setdefault(tenant, []).append(one.name)
    for tenant, names in homes.items():
        if len(names) > 1:
            yield Finding("tenant-twice", f"tenant {tenant} is in {' and in '.join(names)}: it is counted twice")


# -- the whole --------------------------------------------------------------------------------------------------------


def _document(found: Sequence[Given], findings: Sequence[Finding]) -> Document:
    documents = [one.document for one in found]
    first = documents[0]
    targets = sorted(
        (target for document in documents for target in document["targets"]),
        key=lambda target: (target["tenant"], target["target"] or ""),
    )
    weights = [weight for document in documents for weight in _weights(document)]
    others, apart = _others(documents)
    told = [one for document in documents for one in document.get("findings", ())]
    told += [finding(one) for one in findings]
    return {
        "schema": SCHEMA,
        "verb": first["verb"],
        "environment": first["environment"],
        "exit_code": joint([*weights, *(Weight(FAILED) for _ in findings)]),
        **_errors(found),
        **({"findings": _once(told)} if told else {}),
        **_digest(documents, targets),
        **_asked(documents),
        **others,
        **_waves(documents),
        "merged": _merged(found, apart),
        "targets": targets,
        "summary": _added([document["summary"] for document in documents]),
    }


def _weights(document: Document) -> list[Weight]:
    """What a shard makes of the exit code: what its targets do, and what is said of it beyond them.

    A shard without a tenant makes nothing of it.
    """
    weights = [Weight(target["exit_code"], target["fails_run"]) for target in document["targets"]]
    code = document["exit_code"]
    beyond = code != joint(weights) if weights else code != 0
    return [*weights, Weight(code)] if beyond else weights


def _errors(found: Sequence[Given]) -> Document:
    """Why runs stopped before any target; once, if it is the same for all."""
    errors = {one.name: one.document["error"] for one in found if "error" in one.document}
    if not errors:
        return {}
    if len(errors) == len(found) and len(set(errors.values())) == 1:
        return {"error": next(iter(errors.values()))}
    return {"error": "\n".join(f"{name}: {error}" for name, error in errors.items())}


def _digest(documents: Sequence[Document], targets: Sequence[Document]) -> Document:
    """Of plans: that of the whole plan."""
    if not any("digest" in document for document in documents):
        return {}
    planned = [target for target in targets if target["outcome"] == "planned"]
    return {"digest": digest_over((one["tenant"], one["target"], one.get("digest")) for one in planned)}


def _asked(documents: Sequence[Document]) -> Document:
    asked = next((document["asked"] for document in documents if "asked" in document), None)
    return {} if asked is None else {"asked": {**asked, "shard": None}}


def _others(documents: Sequence[Document]) -> tuple[Document, list[Document]]:
    """Further fields that are the same in all, lists joined and numbers added up; and per shard what is not."""
    whole: Document = {}
    apart: list[Document] = [{} for _ in documents]
    for name in dict.fromkeys(name for document in documents for name in document if name not in _OWN):
        values = [document[name] for document in documents if name in document]
        if all(_is_count(value) for value in values):
            whole[name] = _added(values)
        elif all(isinstance(value, list) for value in values):
            whole[name] = _once(one for value in values for one in value)
        elif len(values) == len(documents) and all(value == values[0] for value in values):
            whole[name] = values[0]
        else:
            for document, told in zip(documents, apart, strict=True):
                told |= {name: document[name]} if name in document else {}
    return whole, apart


def _waves(documents: Sequence[Document]) -> Document:
    """How each wave went in all shards; stopped, where it did not go alike in all of them."""
    told: dict[Any, list[Document]] = {}
    for document in documents:
        for wave in document.get("waves", ()):
            told.setdefault((wave["number"], wave["name"]), []).append(wave)
    return {"waves": [_wave(told[key]) for key in sorted(told)]} if told else {}


def _wave(parts: Sequence[Document]) -> Document:
    tally = Counter(part["outcome"] for part in parts)
    # What passed in one shard and was not begun in another was begun, and did not get to its end.
    outcome = next(iter(tally)) if len(tally) == 1 else Verdict.STOPPED.value
    return {
        **parts[0],
        "outcome": outcome,
        **{name: [one for part in parts for one in part[name]] for name in ("tenants", "failed", "failures")},
        "reason": "; ".join(_came(one, parts) if len(tally) > 1 else _reasons(parts) for one in tally),
        **({"interrupted": True} if any(part.get("interrupted") for part in parts) else {}),
    }


def _came(outcome: str, parts: Sequence[Document]) -> str:
    """In how many shards the wave came to this, and why."""
    those = [part for part in parts if part["outcome"] == outcome]
    reasons = _reasons(those)
    return f"{outcome} in {len(those)} of {len(parts)} shards{f' ({reasons})' if reasons else ''}"


def _reasons(parts: Sequence[Document]) -> str:
    return "; ".join(dict.fromkeys(part["reason"] for part in parts if part["reason"]))


def _merged(found: Sequence[Given], apart: Sequence[Document]) -> Document:
    lost, of = _absent(found)
    shards = [
        {
            "index": shard_of(one.document)[0],
            "file": one.name,
            "exit_code": one.document["exit_code"],
            "targets": len(one.document["targets"]),
            "tenants": list(dict.fromkeys(target["tenant"] for target in one.document["targets"])),
            **told,
        }
        for one, told in zip(found, apart, strict=True)
    ]
    return {"of": of, "missing": lost, "shards": shards}


# -- pieces -----------------------------------------------------------------------------------------------------------


def _is_count(value: object) -> bool:
    """Whether it is an object of numbers and answers, or of such objects."""
    return isinstance(value, dict) and all(_is_count(one) or isinstance(one, int) for one in value.values())


def _added(counts: Sequence[Mapping[str, Any]]) -> Document:
    """The sums, name by name; of answers, whether any is yes."""
    return {name: _sum([one[name] for one in counts if name in one]) for name in dict.fromkeys(chain(*counts))}


def _sum(values: Sequence[Any]) -> Any:
    if all(isinstance(value, dict) for value in values):
        return _added(values)
    return any(values) if all(isinstance(value, bool) for value in values) else sum(map(int, values))


def _once(values: Iterable[Any]) -> list[Any]:
    """Each of them, without repeats."""
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())
