"""Entitlement management: catalogs, access packages, and who may request, and has, which package.

They are listed whole. (Graph reference: accessPackageCatalog, accessPackage, accessPackageAssignmentPolicy,
accessPackageAssignment, customCalloutExtension.)
"""

from shared.domain.resources.restoring import Fixed, LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource

_PATH = "/identityGovernance/entitlementManagement"
_CATALOGS, _PACKAGES = f"{_PATH}/catalogs", f"{_PATH}/accessPackages"
_POLICIES, _ASSIGNMENTS = f"{_PATH}/assignmentPolicies", f"{_PATH}/assignments"
_CATALOG = "catalogType createdDateTime description displayName isExternallyVisible modifiedDateTime state"
_POLICY = """
    accessPackage allowedTargetScope automaticRequestSettings catalog createdDateTime customExtensionStageSettings
    description displayName expiration modifiedDateTime notificationSettings questions requestApprovalSettings
    requestorSettings reviewSettings specificAllowedTargets
"""
_EXTENSION = """
    @odata.type authenticationConfiguration callbackConfiguration clientConfiguration createdDateTime description
    displayName endpointConfiguration lastModifiedDateTime
"""
_SET_BY_GRAPH = ("createdDateTime", "modifiedDateTime")
_BUILT_IN = "Graph creates this catalog itself and does not let it be written."
_STAGES = "requestApprovalSettings.stages"
_APPROVERS = """
    primaryApprovers fallbackPrimaryApprovers escalationApprovers fallbackEscalationApprovers
"""


def _row(
    name: str,
    path: str,
    restoring: Restoring,
    properties: str = "",
    *,
    licence: str = "P2",
    references: tuple[Reference, ...] = (),
    volatile: tuple[str, ...] = ("modifiedDateTime",),
) -> Resource:
    """Return a resource of entitlement management."""
    return Resource(
        resource=name,
        family="governance",
        path=path,
        permission_read="EntitlementManagement.Read.All",
        permission_write="EntitlementManagement.ReadWrite.All",
        licence=licence,
        properties=("id", *properties.split()) if properties else (),
        volatile=volatile if properties else (),
        references=references,
        restoring=restoring,
    )


def _people(path: str) -> tuple[Reference, ...]:
    """Return the references of a list of users and groups."""
    return (
        Reference(path=f"{path}.userId", resources=("users",)),
        Reference(path=f"{path}.groupId", resources=("groups",)),
    )


_RESTORE_CATALOGS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=6,
    collection=_CATALOGS,
    item=f"{_CATALOGS}/{{id}}",
    required=("displayName",),
    writable=("description", "displayName", "isExternallyVisible", "state"),
    not_cleared=("displayName", "isExternallyVisible", "state"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    fixed=(
        Fixed(property="catalogType", value='"serviceDefault"', reason=_BUILT_IN),
        Fixed(property="catalogType", value='"serviceManaged"', reason=_BUILT_IN),
    ),
    brief="its resources are added by an administrator",
    catches=("A catalog can be deleted when it has no access packages.",),
)

_RESTORE_RESOURCES = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=12,
    by_hand="Graph adds resources to catalogs in the course of requests",
    by_administrator=("originId", "originSystem"),
    brief="ids change when a resource is added again",
    catches=(
        "A resource that is added again has new ids of its own, of its roles and of its scopes.",
        "The property originId names the group, the service principal or the site.",
    ),
)

_RESTORE_EXTENSIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=7,
    collection=f"{_CATALOGS}/{{owner}}/customWorkflowExtensions",
    item=f"{_CATALOGS}/{{owner}}/customWorkflowExtensions/{{id}}",
    required=("displayName", "endpointConfiguration"),
    writable=(
        *("authenticationConfiguration", "callbackConfiguration", "clientConfiguration", "description"),
        *("displayName", "endpointConfiguration"),
    ),
    typed=True,
    whole=("authenticationConfiguration", "callbackConfiguration", "clientConfiguration", "endpointConfiguration"),
    not_cleared=("displayName", "endpointConfiguration"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="its Logic App stays in Azure",
    catches=("The Logic App is part of an Azure subscription, and must exist before the extension is written.",),
)

_RESTORE_PACKAGES = Restoring(
    kind=RestoreKind.OBJECT,
    stage=13,
    collection=_PACKAGES,
    item=f"{_PACKAGES}/{{id}}",
    required=("catalog", "displayName"),
    writable=("description", "displayName", "isHidden"),
    create_only=("catalog",),
    parts_by_graph=tuple(f"catalog.{name}" for name in _CATALOG.split()),
    not_cleared=("displayName", "isHidden"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="links to request it change",
    catches=("A package that is recreated has a new id, so links in mails and bookmarks to request it end.",),
)

_RESTORE_ROLES = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=14,
    by_hand="Roles and scopes have ids of the catalog's resource, which change when it is added again",
    by_administrator=("role", "scope"),
    brief="roles of the package's resources",
    catches=("The originId of role and scope tells which role of which group, application or site the package gives.",),
)


def _incompatible(segment: str, reference: str) -> Restoring:
    """Return how the links to incompatible packages or groups are written."""
    path = f"{_PACKAGES}/{{owner}}/{segment}"
    return Restoring(
        kind=RestoreKind.LINK,
        stage=14,
        link=LinkWrite(add=f"{path}/$ref", remove=f"{path}/{{id}}/$ref", reference=reference),
    )


_RESTORE_POLICIES = Restoring(
    kind=RestoreKind.OBJECT,
    stage=14,
    collection=_POLICIES,
    item=f"{_POLICIES}/{{id}}",
    required=("accessPackage", "displayName"),
    writable=tuple(name for name in _POLICY.split() if name not in (*_SET_BY_GRAPH, "catalog")),
    replaced=True,
    whole=tuple(f"{each}Settings" for each in ("notification", "requestApproval", "requestor", "review")),
    parts_by_graph=tuple(f"accessPackage.{name}" for name in _CATALOG.split()),
    not_cleared=("accessPackage", "displayName"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="replaced as a whole",
    catches=(
        "Graph replaces a policy as a whole, so an update sends every property.",
        "Approvers, requestors and custom extensions that do not exist keep a policy from being written.",
    ),
)

_RESTORE_ASSIGNMENTS = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=15,
    by_hand="Graph takes assignments as requests, which give access at once",
    by_administrator=("accessPackage", "assignmentPolicy", "schedule", "target"),
    brief="assigning gives the resources again",
    catches=("The plan lists target, package, policy and dates of each missing assignment.",),
)

_POLICY_REFERENCES = (
    Reference(path="accessPackage.id", resources=("accessPackages",)),
    Reference(path="catalog.id", resources=("accessPackageCatalogs",)),
    *_people("specificAllowedTargets"),
    Reference(path="specificAllowedTargets.connectedOrganizationId", resources=("connectedOrganizations",)),
    *(each for name in _APPROVERS.split() for each in _people(f"{_STAGES}.{name}")),
    *(each for name in ("primaryReviewers", "fallbackReviewers") for each in _people(f"reviewSettings.{name}")),
    *_people("requestorSettings.onBehalfRequestors"),
    Reference(
        path="customExtensionStageSettings.customExtension.id",
        resources=("accessPackageCatalogs.customWorkflowExtensions",),
        foreign=True,
    ),
)

_ROWS: tuple[Row, ...] = (
    listed(_row("accessPackageCatalogs", _CATALOGS, _RESTORE_CATALOGS, _CATALOG)),
    below(
        _row(
            "accessPackageCatalogs.resources",
            f"{_CATALOGS}/{{id}}/resources",
            _RESTORE_RESOURCES,
            "attributes createdDateTime description displayName modifiedDateTime originId originSystem scopes",
            references=(Reference(path="originId", resources=("groups", "servicePrincipals"), foreign=True),),
        ),
        Children(owner="accessPackageCatalogs", segment="resources", links=False),
        owners=_CATALOGS,
        expand="scopes",
    ),
    below(
        _row(
            "accessPackageCatalogs.customWorkflowExtensions",
            f"{_CATALOGS}/{{id}}/customWorkflowExtensions",
            _RESTORE_EXTENSIONS,
            _EXTENSION,
            licence="Governance",
            volatile=("lastModifiedDateTime",),
        ),
        Children(owner="accessPackageCatalogs", segment="customWorkflowExtensions", links=False),
        owners=_CATALOGS,
    ),
    listed(
        _row(
            "accessPackages",
            _PACKAGES,
            _RESTORE_PACKAGES,
            "catalog createdDateTime description displayName isHidden modifiedDateTime",
            references=(Reference(path="catalog.id", resources=("accessPackageCatalogs",)),),
        ),
        expand="catalog",
    ),
    below(
        _row(
            "accessPackages.resourceRoleScopes",
            f"{_PACKAGES}/{{id}}/resourceRoleScopes",
            _RESTORE_ROLES,
            "createdDateTime role scope",
            references=(
                Reference(path="role.originId", resources=("groups",), kind=ReferenceKind.TEXT, foreign=True),
                Reference(path="scope.originId", resources=("groups", "servicePrincipals"), foreign=True),
            ),
            volatile=(),
        ),
        Children(owner="accessPackages", segment="resourceRoleScopes", links=False, expanded=True),
        owners=_PACKAGES,
        expand="role,scope",
    ),
    below(
        _row(
            "accessPackages.incompatibleAccessPackages",
            f"{_PACKAGES}/{{id}}/incompatibleAccessPackages",
            _incompatible("incompatibleAccessPackages", f"{_PACKAGES}/{{id}}"),
            licence="Governance",
        ),
        Children(owner="accessPackages", segment="incompatibleAccessPackages", links=True),
        owners=_PACKAGES,
    ),
    below(
        _row(
            "accessPackages.incompatibleGroups",
            f"{_PACKAGES}/{{id}}/incompatibleGroups",
            _incompatible("incompatibleGroups", "/groups/{id}"),
            licence="Governance",
        ),
        Children(owner="accessPackages", segment="incompatibleGroups", links=True),
        owners=_PACKAGES,
    ),
    listed(
        _row("accessPackageAssignmentPolicies", _POLICIES, _RESTORE_POLICIES, _POLICY, references=_POLICY_REFERENCES),
        expand="accessPackage,catalog,questions,customExtensionStageSettings($expand=customExtension)",
    ),
    listed(
        _row(
            "accessPackageAssignments",
            _ASSIGNMENTS,
            _RESTORE_ASSIGNMENTS,
            "accessPackage assignmentPolicy customExtensionCalloutInstances expiredDateTime schedule state status target",
            references=(
                Reference(path="accessPackage.id", resources=("accessPackages",)),
                Reference(path="assignmentPolicy.id", resources=("accessPackageAssignmentPolicies",)),
                Reference(path="target.objectId", resources=("users",), foreign=True),
            ),
            volatile=("customExtensionCalloutInstances", "status"),
        ),
        expand="target,accessPackage,assignmentPolicy",
    ),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
