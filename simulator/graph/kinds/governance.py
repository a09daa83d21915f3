"""Entitlement management and access reviews."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.building import below, child, collection, only, permitted
from simulator.graph.kinds.model import Kind, Relation

_PATH = "identityGovernance/entitlementManagement"
_ENTITLEMENTS = permitted("EntitlementManagement.Read.All", "EntitlementManagement.ReadWrite.All")
_REVIEWS = permitted("AccessReview.Read.All", "AccessReview.ReadWrite.All")
_ORIGIN = "originId originSystem"


def _entitlement(
    path: str, type: str, names: str, *relations: Relation, embedded: tuple[str, ...] = (), initial: str = ""
) -> Kind:
    """Return a kind of entitlement management. ``initial`` is the name of an object that Graph creates."""
    first = {
        "id": "2d1f8a5e-6b7c-4d3e-9f10-a1b2c3d4e5f6",
        "displayName": initial,
        "description": "Built-in catalog.",
        "catalogType": "serviceDefault",
        "state": "published",
        "isExternallyVisible": True,
        "createdDateTime": "2024-01-15T08:00:00Z",
        "modifiedDateTime": "2024-01-15T08:00:00Z",
    }
    return collection(
        f"{_PATH}/{path}",
        type,
        names,
        _ENTITLEMENTS,
        *relations,
        licence="P2",
        embedded=embedded,
        initial=(first,) if initial else (),
    )


RESOURCES = child(
    "resources",
    "accessPackageResource",
    f"id attributes createdDateTime description displayName modifiedDateTime {_ORIGIN}",
    embedded=("environment", "roles", "scopes"),
)
WORKFLOW_EXTENSIONS = child(
    "customWorkflowExtensions",
    "customCalloutExtension",
    properties.CALLOUT,
    types=("accessPackageAssignmentRequestWorkflowExtension", "accessPackageAssignmentWorkflowExtension"),
)
ROLE_SCOPES = child(
    "resourceRoleScopes", "accessPackageResourceRoleScope", "id createdDateTime", embedded=("role", "scope")
)
CATALOGS = _entitlement(
    "catalogs",
    "accessPackageCatalog",
    properties.CATALOG,
    below(RESOURCES),
    below(WORKFLOW_EXTENSIONS),
    initial="General",
)
PACKAGES = _entitlement(
    "accessPackages",
    "accessPackage",
    properties.PACKAGE,
    below(ROLE_SCOPES),
    Relation("incompatibleAccessPackages", 1, targets=(f"{_PATH}/accessPackages",)),
    Relation("incompatibleGroups", 1, targets=("groups",)),
    embedded=("catalog",),
)
ASSIGNMENT_POLICIES = _entitlement(
    "assignmentPolicies",
    "accessPackageAssignmentPolicy",
    properties.ASSIGNMENT_POLICY,
    embedded=("accessPackage", "catalog", "customExtensionStageSettings", "questions"),
)
PACKAGE_ASSIGNMENTS = _entitlement(
    "assignments",
    "accessPackageAssignment",
    "id customExtensionCalloutInstances expiredDateTime schedule state status",
    embedded=("accessPackage", "assignmentPolicy", "target"),
)
CONNECTED_ORGANIZATIONS = _entitlement(
    "connectedOrganizations",
    "connectedOrganization",
    "id createdDateTime description displayName identitySources modifiedDateTime state",
    Relation("internalSponsors", 1, targets=("users", "groups")),
    Relation("externalSponsors", 1, targets=("users", "groups")),
)
ENTITLEMENT_SETTINGS = only(
    f"{_PATH}/settings",
    "entitlementManagementSettings",
    "id durationUntilExternalUserDeletedAfterBlocked externalUserLifecycleAction",
    _ENTITLEMENTS,
    {"durationUntilExternalUserDeletedAfterBlocked": "P30D", "externalUserLifecycleAction": "BlockSignInAndDelete"},
    licence="P2",
)

INSTANCES = child(
    "instances",
    "accessReviewInstance",
    "id endDateTime fallbackReviewers reviewers scope startDateTime status",
)
REVIEWS = collection(
    "identityGovernance/accessReviews/definitions",
    "accessReviewScheduleDefinition",
    properties.REVIEW,
    _REVIEWS,
    below(INSTANCES),
    *(
        below(child(name, name, "id decision justification displayName"))
        for name in ("decisions", "contactedReviewers")
    ),
    licence="P2",
)
REVIEW_POLICY = only(
    "identityGovernance/accessReviews/policy",
    "accessReviewPolicy",
    "id description displayName isGroupOwnerManagementEnabled",
    permitted("Policy.Read.All", "Policy.ReadWrite.AccessReview"),
    {"displayName": "AccessReviewPolicy", "description": "Access reviews", "isGroupOwnerManagementEnabled": False},
    licence="P2",
)

KINDS = (
    CATALOGS,
    PACKAGES,
    ASSIGNMENT_POLICIES,
    PACKAGE_ASSIGNMENTS,
    CONNECTED_ORGANIZATIONS,
    ENTITLEMENT_SETTINGS,
    REVIEWS,
    REVIEW_POLICY,
)
