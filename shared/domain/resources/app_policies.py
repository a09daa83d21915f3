"""Policies about what applications may have, and what they may be granted.

Policies are read with the objects that they apply to from their own side, because that takes one request for each policy
instead of one for each application. (Graph reference: appManagementPolicy, permissionGrantPolicy,
permissionGrantPreApprovalPolicy.)
"""

from shared.domain.resources.restoring import LinkWrite, OwnCall, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import below, listed
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Switch

_MANAGEMENT = "/policies/appManagementPolicies"
_GRANTS = "/policies/permissionGrantPolicies"
_PRE_APPROVALS = "/policies/permissionGrantPreApprovalPolicies"
_READ, _WRITE = "Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration"
_DIRECTORY_APPS = ("servicePrincipals", "applications")


def _conditions(sets: str) -> tuple[Reference, ...]:
    """Return the references of the condition sets in a property."""
    return (
        Reference(
            path=f"{sets}.clientApplicationIds", resources=_DIRECTORY_APPS, kind=ReferenceKind.APP_ID, foreign=True
        ),
        Reference(
            path=f"{sets}.resourceApplication", resources=_DIRECTORY_APPS, kind=ReferenceKind.APP_ID, foreign=True
        ),
        Reference(path=f"{sets}.permissions", kind=ReferenceKind.PERMISSION),
        Reference(path=f"{sets}.clientApplicationTenantIds", kind=ReferenceKind.DIRECTORY),
    )


_RESTORE_MANAGEMENT = Restoring(
    kind=RestoreKind.OBJECT,
    stage=13,
    collection=_MANAGEMENT,
    item=f"{_MANAGEMENT}/{{id}}",
    required=("displayName", "restrictions"),
    writable=("description", "displayName", "isEnabled", "restrictions"),
    whole=("restrictions",),
    not_cleared=("displayName", "isEnabled", "restrictions"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="a new id",
    catches=("It is written after applications, because it may refuse secrets and audiences of theirs.",),
)

_RESTORE_GRANTS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=10,
    collection=_GRANTS,
    item=f"{_GRANTS}/{{id}}",
    required=("displayName", "id"),
    writable=("description", "displayName"),
    create_only=("id",),
    parts_by_graph=("excludes.id", "includes.id"),
    not_cleared=("displayName",),
    calls=tuple(
        OwnCall(property=name, path=f"{_GRANTS}/{{id}}/{name}", each=True) for name in ("excludes", "includes")
    ),
    create=SafeCreate.CLIENT_KEY,
    identified_by=("id",),
    brief="built-in ones are read-only",
    catches=(
        "Condition sets are never changed: those that differ are added and removed, exclusions first.",
        "Policies whose id begins with microsoft- are built in, and Graph refuses changes.",
    ),
)

_RESTORE_PRE_APPROVALS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=10,
    collection=_PRE_APPROVALS,
    item=f"{_PRE_APPROVALS}/{{id}}",
    required=("conditions",),
    writable=("conditions",),
    whole=("conditions",),
    not_cleared=("conditions",),
    create=SafeCreate.LISTED,
    identified_by=("conditions",),
    brief="a new id",
)

ROWS = (
    listed(
        Resource(
            resource="appManagementPolicies",
            family="applications",
            path=_MANAGEMENT,
            permission_read=_READ,
            permission_write=_WRITE,
            licence="workload-id",
            properties=("id", "deletedDateTime", "description", "displayName", "isEnabled", "restrictions"),
            restoring=_RESTORE_MANAGEMENT,
        ),
    ),
    below(
        Resource(
            resource="appManagementPolicies.appliesTo",
            family="applications",
            path=f"{_MANAGEMENT}/{{id}}/appliesTo",
            permission_read="Application.Read.All",
            permission_write=_WRITE,
            licence="workload-id",
            restoring=Restoring(
                kind=RestoreKind.LINK,
                stage=14,
                link=LinkWrite(
                    add="/{kind}/{id}/appManagementPolicies/$ref",
                    remove="/{kind}/{id}/appManagementPolicies/{owner}/$ref",
                    names=f"{_MANAGEMENT}/{{owner}}",
                ),
                permissions=("Application.ReadWrite.All",),
                brief="written at the application",
            ),
        ),
        Children(owner="appManagementPolicies", segment="appliesTo", links=True),
        owners=_MANAGEMENT,
    ),
    listed(
        Resource(
            resource="permissionGrantPolicies",
            family="applications",
            path=_GRANTS,
            permission_read="Policy.Read.PermissionGrant",
            permission_write="Policy.ReadWrite.PermissionGrant",
            licence="none",
            everywhere=True,
            properties=("id", "deletedDateTime", "description", "displayName", "excludes", "includes"),
            references=(*_conditions("includes"), *_conditions("excludes")),
            restoring=_RESTORE_GRANTS,
        ),
    ),
    listed(
        Resource(
            resource="permissionGrantPreApprovalPolicies",
            family="applications",
            path=_PRE_APPROVALS,
            permission_read="Policy.Read.PermissionGrant",
            permission_write="Policy.ReadWrite.PermissionGrant",
            licence="none",
            api="beta",
            switch=Switch.BETA,
            properties=("id", "deletedDateTime", "conditions"),
            restoring=_RESTORE_PRE_APPROVALS,
        ),
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
