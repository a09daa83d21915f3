"""Organizations whose people may request access packages, with their sponsors, and the settings about such people.

(Graph reference: connectedOrganization, entitlementManagementSettings.)
"""

from shared.domain.resources.restoring import LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource

_PATH = "/identityGovernance/entitlementManagement"
_ORGANIZATIONS = f"{_PATH}/connectedOrganizations"
_SETTINGS = "durationUntilExternalUserDeletedAfterBlocked externalUserLifecycleAction"


def _row(
    name: str,
    path: str,
    restoring: Restoring,
    properties: str = "",
    references: tuple[Reference, ...] = (),
) -> Resource:
    """Return a resource of entitlement management."""
    return Resource(
        resource=name,
        family="governance",
        path=path,
        permission_read="EntitlementManagement.Read.All",
        permission_write="EntitlementManagement.ReadWrite.All",
        licence="P2",
        properties=("id", *properties.split()) if properties else (),
        volatile=("modifiedDateTime",) if "modifiedDateTime" in properties else (),
        references=references,
        restoring=restoring,
    )


def _sponsors(segment: str) -> Row:
    """Return the row of one kind of sponsors."""
    path = f"{_ORGANIZATIONS}/{{owner}}/{segment}"
    restoring = Restoring(
        kind=RestoreKind.LINK,
        stage=13,
        link=LinkWrite(add=f"{path}/$ref", remove=f"{path}/{{id}}/$ref"),
        brief="they approve requests",
    )
    return below(
        _row(f"connectedOrganizations.{segment}", f"{_ORGANIZATIONS}/{{id}}/{segment}", restoring),
        Children(owner="connectedOrganizations", segment=segment, links=True),
        owners=_ORGANIZATIONS,
    )


_RESTORE_ORGANIZATIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=12,
    collection=_ORGANIZATIONS,
    item=f"{_ORGANIZATIONS}/{{id}}",
    required=("displayName", "identitySources"),
    writable=("description", "displayName", "state"),
    create_only=("identitySources",),
    not_cleared=("displayName", "state"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    catches=("A domain or directory belongs to at most one connected organization.",),
)

_RESTORE_SETTINGS = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=14,
    item=f"{_PATH}/settings",
    writable=tuple(_SETTINGS.split()),
    catches=("They decide when guests without an assignment are blocked and deleted.",),
)

_ROWS: tuple[Row, ...] = (
    listed(
        _row(
            "connectedOrganizations",
            _ORGANIZATIONS,
            _RESTORE_ORGANIZATIONS,
            "createdDateTime description displayName identitySources modifiedDateTime state",
            (Reference(path="identitySources.tenantId", kind=ReferenceKind.DIRECTORY),),
        )
    ),
    _sponsors("internalSponsors"),
    _sponsors("externalSponsors"),
    single(_row("entitlementManagementSettings", f"{_PATH}/settings", _RESTORE_SETTINGS, _SETTINGS)),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
