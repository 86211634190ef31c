"""What is made of the neutral part of a rule, in ARM's words. Pure."""

from typing import Any

from deployer.model import Named
from deployer.model import Rule

SEVERITIES = {"low": "Low", "medium": "Medium", "high": "High", "critical": "High"}
"""Sentinel has no "critical"; a rule that needs the difference writes it with `alertDetailsOverride`."""
TACTICS = frozenset(
    "Reconnaissance ResourceDevelopment InitialAccess Execution Persistence PrivilegeEscalation DefenseEvasion "
    "CredentialAccess Discovery LateralMovement Collection Exfiltration CommandAndControl Impact PreAttack "
    "ImpairProcessControl InhibitResponseFunction".split()
)
"""As ARM spells them (2025-10-01-preview)."""
HUNTING = "Purpose: hunting. Harmless causes are many: a match is where a search begins, not an incident by itself."


def of(rule: Rule) -> dict[str, Any]:
    """What is made of the rule's neutral part, unless its `sentinel:` block says otherwise."""
    return {
        "displayName": rule.name,
        "description": description(rule),
        "severity": SEVERITIES[rule.severity],
        "enabled": rule.enabled,
        "tactics": [tactic(line.tactic) for line in rule.attack],
        "techniques": [line.technique.id for line in rule.attack],
        "subTechniques": [line.subtechnique.id for line in rule.attack if line.subtechnique],
    }


def tactic(written: Named) -> str:
    """The tactic in ARM's spelling: Command and Control is CommandAndControl."""
    return "".join(word[:1].upper() + word[1:] for word in written.name.split())


def description(rule: Rule) -> str:
    """The description, and at its end what Sentinel has no field for."""
    parts = [rule.description.strip()]
    if rule.confidence:
        parts.append(f"Confidence: {rule.confidence}.")
    if rule.purpose == "hunting":
        # Analytics rules have no tags: the description is where whoever switches the rule on will read it.
        parts.append(HUNTING)
    if rule.false_positives:
        cases = [f"- {case.cause.strip()} Tuning: {case.tuning.strip()}" for case in rule.false_positives]
        parts.append("\n".join(["False positives:", *cases]))
    if rule.references:
        parts.append("\n".join(["References:", *(f"- {reference}" for reference in rule.references)]))
    return "\n\n".join(parts)
