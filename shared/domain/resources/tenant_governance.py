"""Governance of other directories: relationships, templates of policies, and settings.

(Graph reference: governanceRelationship, governancePolicyTemplate, tenantGovernanceSetting.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import Row, listed, single
from shared.domain.resources.table import Reference, ReferenceKind, Resource

_PATH = "/directory/tenantGovernance"
_RELATIONSHIP = """
    id creationDateTime governanceInvitationId governedTenantCanTerminate governedTenantId governedTenantName
    governingTenantId governingTenantName policySnapshot status
"""
_TEMPLATE = """
    id createdDateTime delegatedAdministrationRoleAssignments description displayName lastModifiedDateTime
    multiTenantApplicationsToProvision version
"""
_SETTING = "id canReceiveInvitations isRelatedTenantsEnabled"


def _row(name: str, segment: str, kind: str, restoring: Restoring, properties: str) -> Resource:
    """Return a resource that applications read with a permission of its kind, and never write."""
    names = tuple(properties.split())
    return Resource(
        resource=name,
        family="external-identities",
        path=f"{_PATH}/{segment}",
        permission_read=f"TenantGovernance-{kind}.Read.All",
        permission_write="",
        licence="none",
        properties=names,
        volatile=tuple(each for each in ("lastModifiedDateTime",) if each in names),
        references=tuple(
            Reference(path=each, kind=ReferenceKind.DIRECTORY) for each in names if each.endswith("TenantId")
        ),
        restoring=restoring,
    )


def _by_administrator(properties: str) -> Restoring:
    """Return how what Graph lets only people write comes back."""
    return Restoring(
        kind=RestoreKind.ADMINISTRATOR,
        stage=13,
        by_administrator=tuple(name for name in properties.split() if name != "id"),
    )


_RESTORE_RELATIONSHIPS = Restoring(
    kind=RestoreKind.NEVER,
    stage=13,
    brief="both directories must agree again",
    catches=("A relationship comes from an invitation or a request that the other directory accepts.",),
)

_ROWS: tuple[Row, ...] = (
    listed(
        _row(
            "tenantGovernanceRelationships",
            "governanceRelationships",
            "Relationship",
            _RESTORE_RELATIONSHIPS,
            _RELATIONSHIP,
        )
    ),
    listed(
        _row(
            "tenantGovernancePolicyTemplates",
            "governancePolicyTemplates",
            "PolicyTemplate",
            _by_administrator(_TEMPLATE),
            _TEMPLATE,
        )
    ),
    single(_row("tenantGovernanceSettings", "settings", "Setting", _by_administrator(_SETTING), _SETTING)),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
