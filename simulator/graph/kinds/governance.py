"""Entitlement management and access reviews."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.model import Kind, Relation

_ENTITLEMENTS_READ = frozenset(("EntitlementManagement.Read.All", "EntitlementManagement.ReadWrite.All"))
_ENTITLEMENTS_WRITE = frozenset(("EntitlementManagement.ReadWrite.All",))


def _entitlement(path: str, type: str, names: str, *relations: Relation) -> Kind:
    return Kind(
        path=f"identityGovernance/entitlementManagement/{path}",
        type=type,
        properties=tuple(names.split()),
        read=_ENTITLEMENTS_READ,
        write=_ENTITLEMENTS_WRITE,
        open=False,
        licence="P2",
        relations=relations,
    )


CATALOGS = _entitlement("catalogs", "accessPackageCatalog", properties.CATALOG)
PACKAGES = _entitlement(
    "accessPackages",
    "accessPackage",
    properties.PACKAGE,
    Relation("incompatibleAccessPackages", 1, targets=("identityGovernance/entitlementManagement/accessPackages",)),
)
ASSIGNMENT_POLICIES = _entitlement("assignmentPolicies", "accessPackageAssignmentPolicy", properties.ASSIGNMENT_POLICY)
REVIEWS = Kind(
    path="identityGovernance/accessReviews/definitions",
    type="accessReviewScheduleDefinition",
    properties=tuple(properties.REVIEW.split()),
    read=frozenset(("AccessReview.Read.All", "AccessReview.ReadWrite.All")),
    write=frozenset(("AccessReview.ReadWrite.All",)),
    open=False,
    licence="P2",
)

KINDS = (CATALOGS, PACKAGES, ASSIGNMENT_POLICIES, REVIEWS)
