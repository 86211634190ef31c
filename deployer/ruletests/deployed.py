"""What a tenant would hold of one rule, with the allowlist entries and the overlay of a case: the very objects that
`apply` would write, made by the overlay code and the codecs that it uses."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.cases import Case
from deployer.manifest.document import Document
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.model import Category
from deployer.model import Environment
from deployer.model import KibanaTarget
from deployer.model import Limits
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import SentinelTarget
from deployer.model import Target
from deployer.model import Tenant
from deployer.providers.codecs import encode
from deployer.state import DesiredState

NAME = "rule-test"
"""Of the environment, the tenant and the owner that are made up."""


def desired(rule: Rule, case: Case, platform: Platform, categories: Mapping[str, Category]) -> DesiredState:
    """The objects of one target that holds the rule alone. Raises `CannotEncode`."""
    half = rule.on(platform)
    data = half.data if half else ()
    where = case.overlay_location or case.location
    tenant = Tenant(
        name=NAME,
        targets=(_target(platform, case),),
        datasets=dict.fromkeys(data, ()),
        tables=data,
        allowlists=case.allowlists,
        overlay={rule.id: case.overlay} if case.overlay else {},
        location=where,
    )
    manifest = Manifest(
        environment=_environment(rule, case),
        rules={rule.id: replace(rule, tenants=())},
        categories=categories,
        tenants=(tenant,),
        # No part of a case stands where a tenant's file has it; every part leads to the overlay's own place.
        documents={where.path: Document(where.path, None, [(where.line, where.column)])},
    )
    return encode(assign(manifest, tenant, tenant.targets[0]))


def _target(platform: Platform, case: Case) -> Target:
    if platform is Platform.KIBANA:
        return KibanaTarget(NAME, NAME, case.location, emulator=True, space=NAME)
    return SentinelTarget(
        tenant=NAME,
        name=NAME,
        location=case.location,
        subscription_id="00000000-0000-0000-0000-000000000000",
        resource_group=NAME,
        workspace=NAME,
        emulator=True,
    )


def _environment(rule: Rule, case: Case) -> Environment:
    return Environment(
        name=NAME,
        owner=NAME,
        rules=(rule.id,),
        trusted_hosts=(),
        credentials={},
        limits=Limits(),
        require=(),
        overlay={},
        location=case.location,
    )
