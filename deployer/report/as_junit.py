"""Rule tests as JUnit XML, which every CI system shows.

There is no standard; this is the part that GitHub, GitLab, Azure and Jenkins read alike (testsuite, testcase, failure,
skipped). A case that was not run is `skipped` with its reason.
"""

import re
from xml.etree import ElementTree as etree

from deployer.errors import DeployerError
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.ruletests.outcomes import Outcome
from deployer.ruletests.outcomes import Report
from deployer.ruletests.outcomes import Tested

# What XML 1.0 cannot hold, also not escaped (https://www.w3.org/TR/xml/#charsets).
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The document."""
    root = etree.Element("testsuites", _counts(report.cases, "deployer test"))
    suites: dict[tuple[str, str], list[Tested]] = {}
    for case in report.cases:
        suites.setdefault((case.rule, case.platform), []).append(case)
    for (rule, platform), cases in suites.items():
        suite = etree.SubElement(root, "testsuite", _counts(cases, f"{rule} {platform}"))
        for case in cases:
            _add(suite, case)
    return _written(root)


def failure(error: DeployerError) -> str:
    """The document of a run that stopped before any case: every fault as a test case that could not be run."""
    findings = error.findings if isinstance(error, InvalidManifest) else (Finding("stopped", str(error)),)
    counts = {"tests": str(len(findings)), "failures": "0", "errors": str(len(findings)), "skipped": "0"}
    root = etree.Element("testsuites", {"name": "deployer test", **counts})
    suite = etree.SubElement(root, "testsuite", {"name": "files", **counts})
    for finding in findings:
        where = finding.location or Location("")
        place = {"file": _text(where.path), "line": str(where.line)}
        element = etree.SubElement(suite, "testcase", {"classname": "files", "name": _text(finding.code), **place})
        etree.SubElement(element, "error", {"message": _text(str(finding))})
    return _written(root)


def _written(root: etree.Element) -> str:
    etree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="unicode") + "\n"


def _add(suite: etree.Element, case: Tested) -> None:
    place = {"file": _text(case.location.path), "line": str(case.location.line)}
    names = {"classname": _text(f"{case.rule}.{case.platform}"), "name": _text(case.name)}
    element = etree.SubElement(suite, "testcase", {**names, **place})
    first, _, rest = case.reason.partition("\n")
    match case.outcome:
        case Outcome.FAILED:
            failure = etree.SubElement(element, "failure", {"message": _text(first)})
            failure.text = _text(f"{case.location}\n{first}\n{rest}".rstrip())
        case Outcome.NOT_RUN:
            etree.SubElement(element, "skipped", {"message": _text(case.reason)})
        case Outcome.PASSED:
            pass


def _counts(cases: "tuple[Tested, ...] | list[Tested]", name: str) -> dict[str, str]:
    failed = sum(case.outcome is Outcome.FAILED for case in cases)
    not_run = sum(case.outcome is Outcome.NOT_RUN for case in cases)
    return {
        "name": _text(name),
        "tests": str(len(cases)),
        "failures": str(failed),
        "errors": "0",
        "skipped": str(not_run),
    }


def _text(text: str) -> str:
    """Text of a live system may hold anything; what XML cannot hold is shown as U+FFFD."""
    return _NOT_XML.sub("\ufffd", text)
