"""Access between directories: the policy, its default, partners with their synchronisation, and multitenant organizations.

(Graph reference: crossTenantAccessPolicy and its configurations, crossTenantIdentitySyncPolicyPartner,
multiTenantOrganization.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource

_POLICY = "/policies/crossTenantAccessPolicy"
_PARTNERS, _TEMPLATES = f"{_POLICY}/partners", f"{_POLICY}/templates"
_ORGANIZATION = "/tenantRelationships/multiTenantOrganization"
_INBOUND = ("b2bCollaborationInbound", "b2bDirectConnectInbound")
_OUTBOUND = ("b2bCollaborationOutbound", "b2bDirectConnectOutbound")
_CONFIGURATION = ("automaticUserConsentSettings", *_INBOUND, *_OUTBOUND, "inboundTrust", "tenantRestrictions")
_DEFAULT = (*_CONFIGURATION, "invitationRedemptionIdentityProviderConfiguration")
_TEMPLATE = ("automaticUserConsentSettings", *_INBOUND, *_OUTBOUND, "inboundTrust", "templateApplicationLevel")
_SYNC_TEMPLATE = ("displayName", "templateApplicationLevel", "userSyncInbound")
_MEMBER = """
    addedByTenantId addedDateTime displayName joinedDateTime role state tenantId transitionDetails
"""
_PEOPLE = "usersAndGroups.targets.target"
_APPS = "applications.targets.target"


def _row(
    name: str,
    path: str,
    restoring: Restoring,
    properties: tuple[str, ...],
    *,
    licence: str = "none",
    references: tuple[Reference, ...] = (),
    volatile: tuple[str, ...] = (),
    everywhere: bool = False,
) -> Resource:
    """Return a resource of the policy on access between directories, or of multitenant organizations."""
    policy = path.startswith(_POLICY)
    return Resource(
        resource=name,
        family="external-identities",
        path=path,
        permission_read="Policy.Read.All" if policy else "MultiTenantOrganization.Read.All",
        permission_write="Policy.ReadWrite.CrossTenantAccess" if policy else "MultiTenantOrganization.ReadWrite.All",
        licence=licence,
        everywhere=everywhere,
        properties=properties,
        volatile=volatile,
        references=references,
        restoring=restoring,
    )


_ACCESS = (
    *(Reference(path=f"{each}.{_PEOPLE}", kind=ReferenceKind.OUTSIDE) for each in _INBOUND),
    *(Reference(path=f"{each}.{_PEOPLE}", resources=("users", "groups")) for each in _OUTBOUND),
    *(
        Reference(
            path=f"{each}.{_APPS}",
            resources=("servicePrincipals", "applications"),
            kind=ReferenceKind.APP_ID,
            foreign=True,
        )
        for each in (*_INBOUND, *_OUTBOUND)
    ),
    Reference(path=f"tenantRestrictions.{_PEOPLE}", kind=ReferenceKind.OUTSIDE),
    Reference(path=f"tenantRestrictions.{_APPS}", kind=ReferenceKind.OUTSIDE),
)
"""What a configuration names. People who come in, and what they may do elsewhere, belong to other directories."""

_RESTORE_POLICY = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=14,
    item=_POLICY,
    writable=("allowedCloudEndpoints", "displayName"),
    catches=(
        "The property allowedCloudEndpoints decides whether people of other clouds of Microsoft's can be invited.",
    ),
)

_RESTORE_DEFAULT = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=14,
    item=f"{_POLICY}/default",
    writable=_DEFAULT,
    whole=_DEFAULT,
    not_cleared=_DEFAULT,
    catches=("Graph alone can return to the system's default: POST resetToSystemDefault.",),
)

_RESTORE_PARTNERS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=13,
    collection=_PARTNERS,
    item=f"{_PARTNERS}/{{id}}",
    required=("tenantId",),
    writable=_CONFIGURATION,
    create_only=("tenantId",),
    whole=_CONFIGURATION,
    create=SafeCreate.CLIENT_KEY,
    identified_by=("tenantId",),
    catches=(
        "The id is that of the other directory, so a partner that is recreated is the same one for all who name it.",
        "A partner can be deleted after its identity synchronisation.",
        "Only an administrator can undelete a partner, through Graph's beta; a restore creates it again.",
    ),
)

_RESTORE_SYNCHRONIZATION = Restoring(
    kind=RestoreKind.OBJECT,
    stage=14,
    item=f"{_PARTNERS}/{{owner}}/identitySynchronization",
    writable=("displayName", "userSyncInbound"),
    whole=("userSyncInbound",),
    create=SafeCreate.NEVER,
    brief="an administrator sets up a missing one",
    catches=("A synchronisation that is set up again may create and change users of this directory at once.",),
)


def _restore_template(name: str, properties: tuple[str, ...]) -> Restoring:
    """Return how a template for partners of a multitenant organization is written."""
    return Restoring(
        kind=RestoreKind.SINGLETON,
        stage=13,
        item=f"{_TEMPLATES}/{name}",
        writable=properties,
        whole=tuple(each for each in properties if each not in ("displayName", "templateApplicationLevel")),
    )


_RESTORE_ORGANIZATION = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=13,
    item=_ORGANIZATION,
    writable=("description", "displayName"),
    brief="members must accept again",
    catches=(
        "An organization that was left is joined again by an administrator, and its owner must add the directory.",
    ),
)

_RESTORE_MEMBERS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=14,
    collection=f"{_ORGANIZATION}/tenants",
    item=f"{_ORGANIZATION}/tenants/{{id}}",
    required=("tenantId",),
    writable=("role",),
    create_only=("displayName", "tenantId"),
    not_cleared=("role",),
    create=SafeCreate.CLIENT_KEY,
    identified_by=("tenantId",),
    brief="each must accept again",
    catches=("Only the owner of the organization adds directories, and each must accept within 30 days.",),
)

_PARTNER_TEMPLATE = "multiTenantOrganizationPartnerConfiguration"
_SYNCHRONIZATION_TEMPLATE = "multiTenantOrganizationIdentitySynchronization"

_ROWS: tuple[Row, ...] = (
    single(
        _row(
            "crossTenantAccessPolicy",
            _POLICY,
            _RESTORE_POLICY,
            ("allowedCloudEndpoints", "displayName"),
            everywhere=True,
        )
    ),
    single(
        _row(
            "crossTenantAccessPolicyDefault",
            f"{_POLICY}/default",
            _RESTORE_DEFAULT,
            ("isServiceDefault", *_DEFAULT),
            references=_ACCESS,
            everywhere=True,
        )
    ),
    listed(
        _row(
            "crossTenantAccessPolicyPartners",
            _PARTNERS,
            _RESTORE_PARTNERS,
            ("tenantId", "isInMultiTenantOrganization", "isServiceProvider", *_CONFIGURATION),
            references=(*_ACCESS, Reference(path="tenantId", kind=ReferenceKind.DIRECTORY)),
            everywhere=True,
        ),
        key="tenantId",
    ),
    below(
        _row(
            "crossTenantAccessPolicyPartners.identitySynchronization",
            f"{_PARTNERS}/{{id}}/identitySynchronization",
            _RESTORE_SYNCHRONIZATION,
            ("tenantId", "displayName", "userSyncInbound"),
            licence="P1",
        ),
        Children(
            owner="crossTenantAccessPolicyPartners",
            owner_key="tenantId",
            segment="identitySynchronization",
            links=False,
            to_one=True,
        ),
        owners=_PARTNERS,
    ),
    single(
        _row(
            "multiTenantOrganizationPartnerTemplate",
            f"{_TEMPLATES}/{_PARTNER_TEMPLATE}",
            _restore_template(_PARTNER_TEMPLATE, _TEMPLATE),
            ("id", *_TEMPLATE),
            licence="P1",
        ),
        absent=True,
    ),
    single(
        _row(
            "multiTenantOrganizationSyncTemplate",
            f"{_TEMPLATES}/{_SYNCHRONIZATION_TEMPLATE}",
            _restore_template(_SYNCHRONIZATION_TEMPLATE, _SYNC_TEMPLATE),
            ("id", *_SYNC_TEMPLATE),
            licence="P1",
        ),
        absent=True,
    ),
    single(
        _row(
            "multiTenantOrganization",
            _ORGANIZATION,
            _RESTORE_ORGANIZATION,
            ("id", "createdDateTime", "description", "displayName", "state"),
            licence="P1",
            volatile=("state",),
        ),
        absent=True,
    ),
    listed(
        _row(
            "multiTenantOrganization.tenants",
            f"{_ORGANIZATION}/tenants",
            _RESTORE_MEMBERS,
            tuple(_MEMBER.split()),
            licence="P1",
            references=(Reference(path="tenantId", kind=ReferenceKind.DIRECTORY),),
            volatile=("state", "transitionDetails"),
        ),
        key="tenantId",
        absent=True,
    ),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
