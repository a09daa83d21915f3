"""Trust stores, roles of other services, logs, reports, contacts, and what Graph shows to people only."""

from simulator.graph.kinds.model import Kind, Relation


def _listed(
    path: str, type: str, names: str, read: str, *relations: Relation, write: str = "", licence: str = ""
) -> Kind:
    """Return a kind with a collection that is closed to other properties than these."""
    return Kind(
        path=path,
        type=type,
        properties=tuple(names.split()),
        read=frozenset(filter(None, (read, write))),
        write=frozenset(filter(None, (write,))),
        open=False,
        licence=licence,
        relations=relations,
    )


def _for_people(path: str, type: str, singleton: str = "") -> Kind:
    """Return a kind that Graph shows to signed-in people only."""
    return Kind(
        path=path,
        type=type,
        properties=("id",),
        read=frozenset(),
        write=frozenset(),
        open=False,
        delegated=True,
        singleton=singleton,
    )


def _child(type: str, read: str = "") -> Kind:
    """Return a kind of objects that exist only under their owner."""
    return Kind(path=type, type=type, properties=("id",), read=frozenset(filter(None, (read,))), write=frozenset())


_ROLE = "id allowedPrincipalTypes description displayName isBuiltIn isEnabled rolePermissions templateId version"
_ASSIGNMENT = "id appScopeIds description directoryScopeIds displayName principalIds roleDefinitionId"


def _roles(service: str, read: str) -> Kind:
    write = read.replace(".Read.", ".ReadWrite.")
    return _listed(f"roleManagement/{service}/roleDefinitions", "unifiedRoleDefinition", _ROLE, read, write=write)


def _assignments(service: str, read: str) -> Kind:
    path = f"roleManagement/{service}/roleAssignments"
    return _listed(path, "unifiedRoleAssignmentMultiple", _ASSIGNMENT, read)


AUTHORITY = _child("certificateAuthorityDetail")
PKI = _listed(
    "directory/publicKeyInfrastructure/certificateBasedAuthConfigurations",
    "certificateBasedAuthPki",
    "id deletedDateTime displayName lastModifiedDateTime status statusDetails",
    "PublicKeyInfrastructure.Read.All",
    Relation("certificateAuthorities", 1, child=AUTHORITY),
)
CONTACTS = Kind(
    path="contacts",
    type="orgContact",
    properties=(
        *("id", "addresses", "companyName", "department", "displayName", "givenName", "jobTitle", "mail"),
        *("mailNickname", "onPremisesLastSyncDateTime", "onPremisesProvisioningErrors", "onPremisesSyncEnabled"),
        *("phones", "proxyAddresses", "serviceProvisioningErrors", "surname"),
    ),
    read=frozenset(("OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All")),
    write=frozenset(),
    delta=True,
)
EXCHANGE_ROLES = _roles("exchange", "RoleManagement.Read.Exchange")
INTUNE_ROLES = _roles("deviceManagement", "DeviceManagementRBAC.Read.All")
CLOUD_PC_ROLES = _roles("cloudPC", "DeviceManagementRBAC.Read.All")
_LOG = "id activityDateTime createdDateTime userId"
_AUDIT = "AuditLog.Read.All"

KINDS = (
    PKI,
    CONTACTS,
    EXCHANGE_ROLES,
    INTUNE_ROLES,
    CLOUD_PC_ROLES,
    _assignments("exchange", "RoleManagement.Read.Exchange"),
    _assignments("deviceManagement", "DeviceManagementRBAC.Read.All"),
    _assignments("cloudPC", "CloudPC.Read.All"),
    _listed(
        "identityGovernance/roleManagementAlerts/alertConfigurations",
        "unifiedRoleManagementAlertConfiguration",
        "id alertDefinitionId isEnabled scopeId scopeType",
        "RoleManagementAlert.Read.Directory",
        licence="P2",
    ),
    _listed("auditLogs/directoryAudits", "directoryAudit", _LOG, _AUDIT),
    _listed("auditLogs/signIns", "signIn", _LOG, _AUDIT, licence="P1"),
    _listed("auditLogs/provisioning", "provisioningObjectSummary", _LOG, "ProvisioningLog.Read.All", licence="P1"),
    _listed("identityProtection/riskDetections", "riskDetection", _LOG, "IdentityRiskEvent.Read.All", licence="P2"),
    _listed("identityProtection/riskyUsers", "riskyUser", _LOG, "IdentityRiskyUser.Read.All", licence="P2"),
    _listed(
        "reports/authenticationMethods/userRegistrationDetails", "userRegistrationDetails", _LOG, _AUDIT, licence="P1"
    ),
    _listed(
        "informationProtection/bitlocker/recoveryKeys",
        "bitlockerRecoveryKey",
        "id createdDateTime deviceId volumeType",
        "BitlockerKey.ReadBasic.All",
        licence="P1",
    ),
    _listed(
        "directory/deviceLocalCredentials",
        "deviceLocalCredentialInfo",
        "id deviceName lastBackupDateTime refreshDateTime",
        "DeviceLocalCredential.ReadBasic.All",
    ),
    _listed(
        "directory/authenticationMethodDevices/hardwareOathDevices",
        "hardwareOathTokenAuthenticationMethodDevice",
        "id displayName serialNumber status",
        "Policy.Read.AuthenticationMethod",
    ),
    _listed(
        "directoryRoleTemplates",
        "directoryRoleTemplate",
        "id deletedDateTime description displayName",
        "RoleManagement.Read.Directory",
    ),
    _listed(
        "roleManagement/directory/roleAssignmentScheduleInstances",
        "unifiedRoleAssignmentScheduleInstance",
        "id principalId roleDefinitionId",
        "RoleAssignmentSchedule.Read.Directory",
        licence="P2",
    ),
    Kind(
        path="teamwork",
        type="teamwork",
        properties=("id", "isTeamsEnabled", "region"),
        read=frozenset(("Teamwork.Read.All",)),
        write=frozenset(),
        singleton="teamwork",
        initial=('{"id":"teamwork","isTeamsEnabled":true,"region":"EMEA"}',),
    ),
    Kind(
        path="admin/sharepoint/settings",
        type="sharepointSettings",
        properties=("id", "isCommentingOnSitePagesEnabled", "sharingCapability"),
        read=frozenset(("SharePointTenantSettings.Read.All",)),
        write=frozenset(),
        singleton="sharepoint",
        initial=('{"id":"sharepoint","sharingCapability":"disabled"}',),
    ),
    _for_people("identity/conditionalAccess/deletedItems/policies", "conditionalAccessPolicy"),
    _for_people("identity/conditionalAccess/deletedItems/namedLocations", "namedLocation"),
    _for_people("policies/ownerlessGroupPolicy", "ownerlessGroupPolicy", "ownerlessGroupPolicy"),
    _for_people("policies/mobileDeviceManagementPolicies", "mobilityManagementPolicy"),
    _for_people("policies/mobileAppManagementPolicies", "mobilityManagementPolicy"),
)
