"""Parts of people and devices, trust stores, roles of other services, logs and reports."""

from tests.contract.coverage.example import Example
from tests.contract.coverage.examples.first import BOSS, USER
from tests.contract.coverage.examples.governance import REVIEW
from tests.contract.coverage.examples.settings import DEVICE

_TEAM = "c0000000-0000-4000-8000-000000000001"
_PKI = "c0000000-0000-4000-8000-000000000002"
_PKIS = "directory/publicKeyInfrastructure/certificateBasedAuthConfigurations"
_SYNCED = "c0000000-0000-4000-8000-000000000003"
_SYNCED_GROUP = "c0000000-0000-4000-8000-000000000004"
_EXTENSION = {
    "@odata.type": "#microsoft.graph.openTypeExtension",
    "id": "com.contoso.hr",
    "extensionName": "com.contoso.hr",
}
_PHOTO = {"contentType": "image/jpeg", "contentBytes": "/9j/4AAQSkZJRg=="}
_ROLE = {"id": "role-1", "displayName": "Helpers", "isBuiltIn": False, "rolePermissions": []}
_ASSIGNMENT = {"id": "assignment-1", "displayName": "Help", "principalIds": [USER]}
_DIRECTORY_ROLE = {"scopeId": "/", "scopeType": "DirectoryRole"}
_MAIL = {"allowExternalSenders": True, "autoSubscribeNewMembers": False}
_SERVICES = (("exchange", "exchange"), ("intune", "deviceManagement"), ("cloudPc", "cloudPC"))
_DELETED_ROLE = "c0000000-0000-4000-8000-000000000006"
_UNIT = "a0000000-0000-4000-8000-000000000006"

EXAMPLES = (
    Example("users.sponsors", f"users/{USER}/sponsors", {"id": BOSS}, shown={"id": BOSS}),
    *(
        Example(f"{resource}.extensions", f"{path}/extensions", _EXTENSION)
        for resource, path in (
            ("users", f"users/{USER}"),
            ("groups", f"groups/{_TEAM}"),
            ("devices", f"devices/{DEVICE}"),
            ("administrativeUnits", f"directory/administrativeUnits/{_UNIT}"),
        )
    ),
    Example(
        "users.customSecurityAttributes",
        f"users/{BOSS}",
        {"customSecurityAttributes": {"Marketing": {"Level": "Public"}}},
        op="update",
    ),
    Example(
        "users.employeeLeaveDateTime", f"users/{BOSS}", {"employeeLeaveDateTime": "2026-12-31T00:00:00Z"}, op="update"
    ),
    Example(
        "users.signInActivity",
        f"users/{BOSS}",
        {"signInActivity": {"lastSignInDateTime": "2026-11-01T00:00:00Z"}},
        op="update",
    ),
    Example(
        "",
        "users",
        {
            "id": _SYNCED,
            "displayName": "synced",
            "userPrincipalName": "synced@contoso.com",
            "accountEnabled": True,
            "onPremisesSyncEnabled": True,
        },
    ),
    Example(
        "users.onPremisesSyncBehavior",
        f"users/{_SYNCED}/onPremisesSyncBehavior",
        {"id": _SYNCED, "isCloudManaged": True},
    ),
    Example(
        "",
        "groups",
        {
            "id": _SYNCED_GROUP,
            "displayName": "Synced",
            "mailNickname": "synced",
            "securityEnabled": True,
            "onPremisesSyncEnabled": True,
        },
    ),
    Example(
        "groups.onPremisesSyncBehavior",
        f"groups/{_SYNCED_GROUP}/onPremisesSyncBehavior",
        {"id": _SYNCED_GROUP, "isCloudManaged": False},
    ),
    Example(
        "",
        "groups",
        {
            "id": _TEAM,
            "displayName": "Team",
            "mailNickname": "team",
            "mailEnabled": True,
            "securityEnabled": False,
            "groupTypes": ["Unified"],
            **_MAIL,
        },
    ),
    Example(
        "groups.settings",
        f"groups/{_TEAM}/settings",
        {"id": "team-setting", "templateId": "08d542b9-071f-4e16-94b0-74abb372e3d9", "values": []},
    ),
    Example("groups.mailSettings", f"groups/{_TEAM}", _MAIL, op="update"),
    Example("users.photo", f"users/{USER}/photo/photo", _PHOTO, shown=_PHOTO),
    Example(
        "users.authenticationMethods",
        f"users/{USER}/authentication/methods",
        {"@odata.type": "#microsoft.graph.phoneAuthenticationMethod", "id": "phone-1", "phoneNumber": "+49 30 1"},
    ),
    Example(
        "users.authenticationRequirements",
        f"users/{USER}/authentication/requirements",
        {"id": "requirements", "perUserMfaState": "enforced"},
    ),
    Example(
        "users.signInPreferences",
        f"users/{USER}/authentication/signInPreferences",
        {"id": "preferences", "userPreferredMethodForSecondaryAuthentication": "push"},
    ),
    Example("orgContacts", "contacts", {"id": "c0000000-0000-4000-8000-000000000005", "displayName": "Partner"}),
    Example("publicKeyInfrastructures", _PKIS, {"id": _PKI, "displayName": "Corporate PKI", "status": "succeeded"}),
    Example(
        "publicKeyInfrastructures.certificateAuthorities",
        f"{_PKIS}/{_PKI}/certificateAuthorities",
        {"id": "ca-1", "displayName": "Root", "certificateAuthorityType": "root", "thumbprint": "ab"},
    ),
    Example(
        "domains.federationConfiguration",
        "domains/fabrikam.com/federationConfiguration",
        {"id": "federation-1", "displayName": "AD FS", "issuerUri": "http://fs.fabrikam.com/adfs/services/trust"},
    ),
    Example(
        "domains.serviceConfigurationRecords",
        "domains/fabrikam.com/serviceConfigurationRecords",
        {"id": "record-1", "recordType": "Mx", "label": "fabrikam.com", "ttl": 3600},
    ),
    *(
        Example(f"{name}Role{kind}", f"roleManagement/{path}/role{kind}", value)
        for name, path in _SERVICES
        for kind, value in (("Definitions", _ROLE), ("Assignments", _ASSIGNMENT))
    ),
    Example("", "roleManagement/directory/roleDefinitions", {**_ROLE, "id": _DELETED_ROLE, "displayName": "Retired"}),
    Example(
        "roleDefinitions.deleted",
        f"roleManagement/directory/roleDefinitions/{_DELETED_ROLE}",
        {},
        op="delete",
        shown={"displayName": "Retired"},
    ),
    Example(
        "roleManagementAlertConfigurations",
        "identityGovernance/roleManagementAlerts/alertConfigurations",
        {"id": "alert-1", "isEnabled": True, **_DIRECTORY_ROLE},
    ),
    *(
        Example(resource, path, {"id": f"{resource}-1"})
        for resource, path in (
            ("directoryAudits", "auditLogs/directoryAudits"),
            ("signIns", "auditLogs/signIns"),
            ("provisioningLogs", "auditLogs/provisioning"),
            ("riskDetections", "identityProtection/riskDetections"),
            ("riskyUsers", "identityProtection/riskyUsers"),
            ("userRegistrationDetails", "reports/authenticationMethods/userRegistrationDetails"),
            ("bitlockerRecoveryKeys", "informationProtection/bitlocker/recoveryKeys"),
            ("deviceLocalCredentials", "directory/deviceLocalCredentials"),
            ("hardwareOathDevices", "directory/authenticationMethodDevices/hardwareOathDevices"),
            ("directoryRoleTemplates", "directoryRoleTemplates"),
            ("roleAssignmentScheduleInstances", "roleManagement/directory/roleAssignmentScheduleInstances"),
        )
    ),
    Example(
        "accessReviewDefinitions.decisions",
        f"identityGovernance/accessReviews/definitions/{REVIEW}/decisions",
        {"id": "decision-1", "decision": "Approve", "justification": "Needed"},
    ),
    Example(
        "accessReviewDefinitions.contactedReviewers",
        f"identityGovernance/accessReviews/definitions/{REVIEW}/contactedReviewers",
        {"id": "reviewer-1", "displayName": "ada"},
    ),
    Example("teamwork", "teamwork", {"region": "EMEA"}, op="update"),
    Example("sharepointSettings", "admin/sharepoint/settings", {"sharingCapability": "disabled"}, op="update"),
)
