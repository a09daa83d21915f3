"""Identities of agents: blueprints, their principals, the identities made from them, and the people who sponsor them.

Blueprints are also objects of ``applications``, principals and identities objects of ``servicePrincipals``; they are
restored from these resources, which have all their properties. (Graph reference: agentIdentityBlueprint,
agentIdentityBlueprintPrincipal, agentIdentity, inheritablePermission.)
"""

from shared.domain.resources.restoring import Bin, LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Rhythm

_BLUEPRINT, _PRINCIPAL, _IDENTITY = (
    f"microsoft.graph.{name}" for name in ("agentIdentityBlueprint", "agentIdentityBlueprintPrincipal", "agentIdentity")
)
_APPLICATIONS, _PRINCIPALS = "/applications", "/servicePrincipals"
_PERMISSIONS = f"{_BLUEPRINT}/inheritablePermissions"
_BLUEPRINT_PROPERTIES = """
    id api appId appRoles certification createdByAppId createdDateTime deletedDateTime description
    disabledByMicrosoftStatus displayName groupMembershipClaims identifierUris info keyCredentials managerApplications
    optionalClaims passwordCredentials publisherDomain serviceManagementReference signInAudience tags tokenEncryptionKeyId
    uniqueName verifiedPublisher web
"""
_BLUEPRINT_WRITABLE = """
    api appRoles description displayName groupMembershipClaims identifierUris optionalClaims serviceManagementReference
    signInAudience tags web
"""
_PRINCIPAL_PROPERTIES = """
    id accountEnabled appDescription appDisplayName appId appOwnerOrganizationId appRoleAssignmentRequired appRoles
    createdByAppId createdDateTime deletedDateTime disabledByMicrosoftStatus displayName info oauth2PermissionScopes
    publisherName servicePrincipalNames servicePrincipalType signInAudience tags verifiedPublisher
"""
_IDENTITY_PROPERTIES = """
    id accountEnabled agentIdentityBlueprintId createdByAppId createdDateTime customSecurityAttributes deletedDateTime
    disabledByMicrosoftStatus displayName managerApplications servicePrincipalType tags
"""
_DIRECTORY_APPS = ("servicePrincipals", "applications")
_SPONSORS_FIRST = "Graph may refuse an agent without a sponsor: sponsors are written after it, so add one by hand then."


def _sponsors(owner: str, collection: str, cast: str, write: str) -> Row:
    """Return the row of the sponsors of a kind of agents."""
    at_owner = f"{collection}/{{owner}}/{cast}/sponsors"
    return below(
        Resource(
            resource=f"{owner}.sponsors",
            family="applications",
            path=f"{collection}/{{id}}/{cast}/sponsors",
            permission_read="Application.Read.All",
            permission_write=write,
            licence="none",
            restoring=Restoring(
                kind=RestoreKind.LINK,
                stage=7,
                link=LinkWrite(add=f"{at_owner}/$ref", remove=f"{at_owner}/{{id}}/$ref"),
            ),
        ),
        Children(owner=owner, segment=f"{cast}/sponsors", name="sponsors", links=True),
        owners=collection,
        listing=f"{collection}/{cast}",
        rhythm=Rhythm.SELDOM,
        paged=True,
    )


ROWS = (
    listed(
        Resource(
            resource="agentIdentityBlueprints",
            family="applications",
            path=f"{_APPLICATIONS}/{_BLUEPRINT}",
            permission_read="AgentIdentityBlueprint.Read.All",
            permission_write="AgentIdentityBlueprint.ReadWrite.All",
            licence="none",
            properties=tuple(_BLUEPRINT_PROPERTIES.split()),
            references=(
                Reference(path="appRoles.id", kind=ReferenceKind.PERMISSION),
                Reference(path="api.oauth2PermissionScopes.id", kind=ReferenceKind.PERMISSION),
                Reference(path="identifierUris", resources=("applications",), kind=ReferenceKind.TEXT, foreign=True),
            ),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=3,
                collection=f"{_APPLICATIONS}/{_BLUEPRINT}",
                item=f"{_APPLICATIONS}/{{id}}/{_BLUEPRINT}",
                required=("displayName",),
                writable=tuple(_BLUEPRINT_WRITABLE.split()),
                create_only=("uniqueName",),
                later=("identifierUris",),
                whole=("api", "optionalClaims", "web"),
                parts_by_graph=("appRoles.origin",),
                not_cleared=("displayName", "signInAudience"),
                secret=("keyCredentials", "passwordCredentials"),
                create=SafeCreate.MARK,
                mark="tags",
                bin=Bin(path=f"/directory/deletedItems/{_BLUEPRINT}", loses=("its principal",)),
                brief="a new appId if created; secrets are lost",
                catches=(
                    "Client secrets and private keys cannot be read: the plan lists what must be renewed.",
                    "A blueprint that is recreated has a new appId, which its agents are configured with.",
                    _SPONSORS_FIRST,
                ),
            ),
        ),
        collection=_APPLICATIONS,
        paged=True,
    ),
    _sponsors("agentIdentityBlueprints", _APPLICATIONS, _BLUEPRINT, "Application.ReadWrite.All"),
    below(
        Resource(
            resource="agentIdentityBlueprints.inheritablePermissions",
            family="applications",
            path=f"{_APPLICATIONS}/{{id}}/{_PERMISSIONS}",
            permission_read="AgentIdentityBlueprint.Read.All",
            permission_write="AgentIdentityBlueprint.ReadWrite.All",
            licence="none",
            properties=("resourceAppId", "inheritableRoles", "inheritableScopes"),
            references=(
                Reference(path="resourceAppId", resources=_DIRECTORY_APPS, kind=ReferenceKind.APP_ID, foreign=True),
            ),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=4,
                collection=f"{_APPLICATIONS}/{{owner}}/{_PERMISSIONS}",
                item=f"{_APPLICATIONS}/{{owner}}/{_PERMISSIONS}/{{id}}",
                required=("resourceAppId",),
                writable=("inheritableRoles", "inheritableScopes"),
                create_only=("resourceAppId",),
                whole=("inheritableRoles", "inheritableScopes"),
                create=SafeCreate.CLIENT_KEY,
                identified_by=("resourceAppId",),
            ),
        ),
        Children(owner="agentIdentityBlueprints", segment=_PERMISSIONS, name="inheritablePermissions", links=False),
        owners=_APPLICATIONS,
        listing=f"{_APPLICATIONS}/{_BLUEPRINT}",
        key="resourceAppId",
        rhythm=Rhythm.SELDOM,
    ),
    listed(
        Resource(
            resource="agentIdentityBlueprintPrincipals",
            family="applications",
            path=f"{_PRINCIPALS}/{_PRINCIPAL}",
            permission_read="AgentIdentityBlueprintPrincipal.Read.All",
            permission_write="AgentIdentityBlueprintPrincipal.ReadWrite.All",
            licence="none",
            properties=tuple(_PRINCIPAL_PROPERTIES.split()),
            references=(Reference(path="appId", resources=("applications",), kind=ReferenceKind.APP_ID, foreign=True),),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=4,
                collection=f"{_PRINCIPALS}/{_PRINCIPAL}",
                item=f"{_PRINCIPALS}/{{id}}/{_PRINCIPAL}",
                required=("appId",),
                writable=("accountEnabled", "appRoleAssignmentRequired", "tags"),
                create_only=("appId",),
                not_cleared=("accountEnabled",),
                create=SafeCreate.NATURAL,
                identified_by=("appId",),
                bin=Bin(path=f"/directory/deletedItems/{_PRINCIPAL}"),
                catches=("A principal cannot be undeleted while its blueprint is deleted for good.",),
            ),
        ),
        collection=_PRINCIPALS,
        paged=True,
    ),
    listed(
        Resource(
            resource="agentIdentities",
            family="applications",
            path=f"{_PRINCIPALS}/{_IDENTITY}",
            permission_read="AgentIdentity.Read.All",
            permission_write="AgentIdentity.ReadWrite.All",
            licence="none",
            properties=tuple(_IDENTITY_PROPERTIES.split()),
            references=(
                Reference(
                    path="agentIdentityBlueprintId",
                    resources=_DIRECTORY_APPS,
                    kind=ReferenceKind.APP_ID,
                    foreign=True,
                ),
            ),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=5,
                collection=f"{_PRINCIPALS}/{_IDENTITY}",
                item=f"{_PRINCIPALS}/{{id}}/{_IDENTITY}",
                required=("agentIdentityBlueprintId", "displayName"),
                writable=("accountEnabled", "displayName", "tags"),
                create_only=("agentIdentityBlueprintId",),
                not_cleared=("accountEnabled", "displayName"),
                create=SafeCreate.MARK,
                mark="tags",
                bin=Bin(path=f"/directory/deletedItems/{_IDENTITY}"),
                brief="after the principal of its blueprint",
                catches=(
                    "An agent that is recreated has a new id, which its owner must configure.",
                    _SPONSORS_FIRST,
                ),
            ),
        ),
        collection=_PRINCIPALS,
        paged=True,
    ),
    _sponsors("agentIdentities", _PRINCIPALS, _IDENTITY, "AgentIdentity.UpdateSponsors.All"),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
