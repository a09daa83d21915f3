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
    Elsewhere(
        name="users.licenceAssignments",
        family="identity",
        path="/users?$select=id,assignedLicenses,licenseAssignmentStates",
        read_as="users",
        reason="Licences are properties of the user; their states follow from them.",
    ),
    Elsewhere(
        name="groups.licenceAssignments",
        family="identity",
        path="/groups?$select=id,assignedLicenses,licenseProcessingState",
        read_as="groups",
        reason="Licences are properties of the group; how far Graph has come follows from them.",
    ),
    Elsewhere(
        name="agentUsers",
        family="identity",
        path="/users/microsoft.graph.agentUser",
        read_as="users",
        reason="Agent users are users, and are listed among them.",
    ),
    Elsewhere(
        name="directoryRoles",
        family="roles-pim",
        path="/directoryRoles",
        read_as="roleDefinitions",
        reason="An active role is a role definition with assignments.",
    ),
    Elsewhere(
        name="directoryRoles.members",
        family="roles-pim",
        path="/directoryRoles/{id}/members",
        read_as="roleAssignments",
        reason="Each member is a role assignment for the whole directory.",
    ),
    Elsewhere(
        name="directoryRoles.scopedMembers",
        family="roles-pim",
        path="/directoryRoles/{id}/scopedMembers",
        read_as="administrativeUnits.scopedRoleMembers",
        reason="These are the same rows, seen from the role instead of the unit.",
    ),
    Elsewhere(
        name="roleManagementPolicies.rules",
        family="roles-pim",
        path="/policies/roleManagementPolicies/{id}/rules",
        read_as="roleManagementPolicies",
        reason="The rules come inside each policy.",
    ),
    Elsewhere(
        name="organizationalBranding",
        family="tenant-settings",
        path="/organization/{id}/branding",
        read_as="organizationalBranding.localizations",
        reason="The branding for all languages is the localization with the id 0.",
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
    Unprotected(
        name="groups.groupLifecyclePolicies",
        family="identity",
        path="/groups/{id}/groupLifecyclePolicies",
        reason="Graph tells it only group by group, and no other way finds the groups of a policy for selected groups.",
    ),
    Unprotected(
        name="devices.deleted",
        family="devices",
        path="/directory/deletedItems/microsoft.graph.device",
        reason="Graph documents no recycle bin for devices; a device registers again.",
    ),
    Unprotected(
        name="pimGroups.eligibilitySchedules",
        family="roles-pim",
        path="/identityGovernance/privilegedAccess/group/eligibilitySchedules",
        reason="Graph demands a request for each group that PIM manages, which is not built yet.",
    ),
    Unprotected(
        name="pimGroups.assignmentSchedules",
        family="roles-pim",
        path="/identityGovernance/privilegedAccess/group/assignmentSchedules",
        reason="Graph demands a request for each group that PIM manages, which is not built yet.",
    ),
    Unprotected(
        name="pimGroups.resources",
        family="roles-pim",
        path="/identityGovernance/privilegedAccess/group/resources",
        reason="It follows from the schedules of the groups, which are not read yet.",
    ),
    Unprotected(
        name="organizationalBranding.images",
        family="tenant-settings",
        path="/organization/{id}/branding/localizations/{id}/backgroundImage",
        reason="Pictures of sign-in pages are not read yet: keep the originals.",
    ),
    Unprotected(
        name="organizationalBranding.themes",
        family="tenant-settings",
        path="/organization/{id}/branding/themes",
        reason="Graph's beta has them for single applications; they are not read yet.",
    ),
    Unprotected(
        name="conditionalAccessSettings",
        family="conditional-access",
        path="/identity/conditionalAccess/settings",
        reason="Graph's beta names a permission for it, and its reference does not describe it yet.",
    ),
    Unprotected(
        name="certificateBasedAuthConfiguration",
        family="authentication",
        path="/organization/{id}/certificateBasedAuthConfiguration",
        reason="The older store of certificate authorities is not read yet; the newer one, publicKeyInfrastructures, is.",
    ),
)
"""Every kind of data that is not backed up."""
