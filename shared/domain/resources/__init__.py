"""The declarative table of the protected resources: how each is read, and how its records are written back."""

import msgspec

from shared.domain.resources import (
    access_reviews,
    administrative_units,
    agents,
    app_defaults,
    app_policies,
    application_parts,
    application_proxy,
    applications,
    authentication,
    conditional_access,
    connected_organizations,
    consents,
    contacts,
    cross_tenant,
    devices,
    directory_roles,
    entitlement,
    external_identities,
    groups,
    lifecycle_workflows,
    logs,
    named_locations,
    organization,
    people_only,
    people_parts,
    permission_classifications,
    privileged,
    provisioning,
    recycle_bins,
    service_principal_settings,
    service_principals,
    settings,
    sign_in_policies,
    synchronization,
    tenant_governance,
    token_policies,
    trust_stores,
    user_flows,
    users,
    workload_roles,
)
from shared.domain.resources.restoring import Restoring
from shared.domain.resources.table import (
    REMAPPED,
    Children,
    Reading,
    Reference,
    ReferenceKind,
    Relation,
    Resource,
    Rhythm,
    Stream,
    Switch,
)

_MODULES = (
    users,
    groups,
    applications,
    service_principals,
    consents,
    devices,
    contacts,
    people_parts,
    recycle_bins,
    app_policies,
    app_defaults,
    token_policies,
    application_parts,
    permission_classifications,
    service_principal_settings,
    agents,
    application_proxy,
    synchronization,
    provisioning,
    sign_in_policies,
    conditional_access,
    named_locations,
    authentication,
    administrative_units,
    directory_roles,
    privileged,
    organization,
    entitlement,
    connected_organizations,
    access_reviews,
    lifecycle_workflows,
    cross_tenant,
    tenant_governance,
    user_flows,
    external_identities,
    settings,
    trust_stores,
    workload_roles,
    people_only,
    logs,
)

RESOURCES: dict[str, Resource] = {row.resource: row for module in _MODULES for row in module.RESOURCES}
"""Every protected resource, by name."""

STREAMS: dict[str, Stream] = {
    stream.name: msgspec.structs.replace(stream, api=RESOURCES[stream.resource].api)
    for module in _MODULES
    for stream in module.STREAMS
}
"""Every stream, by name."""

LINKS = frozenset(
    name
    for stream in STREAMS.values()
    for name in stream.resources
    if name != stream.resource or (stream.children is not None and stream.children.links)
)
"""Resources whose records are links between objects; the records of all others are objects."""


def properties_of(resource: str) -> tuple[str, ...]:
    """Return the properties of a resource's records that can be named: those selected, or those that Graph documents."""
    if resource in LINKS:
        return ("id",)
    return STREAMS[RESOURCES[resource].stream].select or RESOURCES[resource].properties


def volatile_of(resource: str) -> frozenset[str]:
    """Return the properties of a resource whose changes are ignored; none if this version does not know the resource."""
    return frozenset(RESOURCES[resource].volatile) if resource in RESOURCES else frozenset()


__all__ = [
    "LINKS",
    "REMAPPED",
    "RESOURCES",
    "STREAMS",
    "Children",
    "Reading",
    "Reference",
    "ReferenceKind",
    "Relation",
    "Resource",
    "Restoring",
    "Rhythm",
    "Stream",
    "Switch",
    "properties_of",
    "volatile_of",
]
