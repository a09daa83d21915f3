"""Kinds of data that are part of another resource, and those that no application can protect."""

import msgspec


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What Graph shows a second time, from the other side or inside other objects."""

    name: str
    family: str
    path: str
    read_as: str
    """The resource that holds it."""
    reason: str
    """Why it is read there, as a sentence."""


class Unprotected(msgspec.Struct, frozen=True, kw_only=True):
    """What Entrakeep does not back up."""

    name: str
    family: str
    path: str
    reason: str
    """Why not, as a sentence."""


ELSEWHERE: tuple[Elsewhere, ...] = (
    Elsewhere(
        name="users.appRoleAssignments",
        family="applications",
        path="/users/{id}/appRoleAssignments",
        read_as="servicePrincipals.appRoleAssignedTo",
        reason="These are the same rows, which take one request for each application instead of one for each user.",
    ),
    Elsewhere(
        name="groups.appRoleAssignments",
        family="applications",
        path="/groups/{id}/appRoleAssignments",
        read_as="servicePrincipals.appRoleAssignedTo",
        reason="These are the same rows, which take one request for each application instead of one for each group.",
    ),
    Elsewhere(
        name="servicePrincipals.appRoleAssignments",
        family="applications",
        path="/servicePrincipals/{id}/appRoleAssignments",
        read_as="servicePrincipals.appRoleAssignedTo",
        reason="These are the same rows, seen from the client instead of the application that grants the role.",
    ),
    Elsewhere(
        name="applications.connectorGroup",
        family="applications",
        path="/applications/{id}/connectorGroup",
        read_as="connectorGroups.applications",
        reason="These are the same links, which take one request for each group instead of one for each application.",
    ),
)
"""Every kind of data that is read as part of another resource."""

UNPROTECTED: tuple[Unprotected, ...] = (
    Unprotected(
        name="crossTenantAccessPolicy.deletedPartners",
        family="external-identities",
        path="/policies/deletedItems/crossTenantPartners",
        reason="Graph's beta shows this recycle bin to signed-in people only. Partners that exist are protected.",
    ),
)
"""Every kind of data that is not backed up."""
