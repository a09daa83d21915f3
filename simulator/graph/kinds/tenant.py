"""Policies and settings of the whole directory."""

import json

from simulator.graph.kinds import properties
from simulator.graph.kinds.model import DIRECTORY_READ, DIRECTORY_WRITE, Kind, Relation, Reverse

_POLICY_READ = frozenset(("Policy.Read.All",))
_APP_POLICY_WRITE = frozenset(("Policy.ReadWrite.ApplicationConfiguration",))
_SETTINGS_READ = frozenset(("GroupSettings.Read.All", "GroupSettings.ReadWrite.All", *DIRECTORY_READ))


def _only(
    id: str,
    path: str,
    type: str,
    names: str,
    write: str,
    initial: dict[str, object],
    read: str = "",
    *relations: Relation,
) -> Kind:
    """Return the kind of a policy of which each directory has one."""
    return Kind(
        path=f"policies/{path}",
        type=type,
        properties=tuple(names.split()),
        read=frozenset(("Policy.Read.All", write, read or "Policy.Read.All")),
        write=frozenset((write,)),
        open=False,
        singleton=id,
        relations=relations,
        initial=(json.dumps({"id": id, **initial}),),
    )


def _defined(path: str, type: str, *objects: str) -> Kind:
    """Return a kind of policies that consist of a definition, and apply to objects of some kinds, given by path."""
    return Kind(
        path=f"policies/{path}",
        reverse=(Reverse("appliesTo", tuple((each, path) for each in objects)),),
        type=type,
        properties=tuple(properties.DEFINED.split()),
        read=_POLICY_READ | _APP_POLICY_WRITE,
        write=_APP_POLICY_WRITE,
        licence="P1",
    )


AUTHORIZATION = _only(
    "authorizationPolicy",
    "authorizationPolicy",
    "authorizationPolicy",
    properties.AUTHORIZATION,
    "Policy.ReadWrite.Authorization",
    {
        "displayName": "Authorization Policy",
        "description": "Used to manage authorization related settings across the company.",
        "allowInvitesFrom": "everyone",
        "allowUserConsentForRiskyApps": None,
        "allowedToSignUpEmailBasedSubscriptions": True,
        "allowedToUseSSPR": True,
        "allowEmailVerifiedUsersToJoinOrganization": False,
        "blockMsolPowerShell": False,
        "guestUserRoleId": "10dae51f-b6af-4016-8d66-8c2a99b929b3",
        "defaultUserRolePermissions": {
            "allowedToCreateApps": True,
            "allowedToCreateSecurityGroups": True,
            "allowedToCreateTenants": True,
            "allowedToReadBitlockerKeysForOwnedDevice": True,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": ["ManagePermissionGrantsForSelf.microsoft-user-default-legacy"],
        },
    },
)


def _method(id: str, type: str, state: str, **more: object) -> str:
    targets = [{"targetType": "group", "id": "all_users", "isRegistrationRequired": False}]
    return json.dumps(
        {
            "@odata.type": f"#microsoft.graph.{type}AuthenticationMethodConfiguration",
            "id": id,
            "state": state,
            "excludeTargets": [],
            "includeTargets": targets,
            **more,
        }
    )


METHODS = Kind(
    path="authenticationMethodConfigurations",
    type="authenticationMethodConfiguration",
    properties=tuple(properties.METHOD.split()),
    read=frozenset(),
    write=frozenset(),
    open=False,
    types=tuple(
        f"{method}AuthenticationMethodConfiguration"
        for method in ("email", "fido2", "microsoftAuthenticator", "sms", "softwareOath", "temporaryAccessPass")
    ),
    initial=(
        _method("Fido2", "fido2", "disabled", isAttestationEnforced=False, isSelfServiceRegistrationAllowed=True),
        _method("MicrosoftAuthenticator", "microsoftAuthenticator", "enabled", isSoftwareOathEnabled=False),
        _method("Sms", "sms", "disabled"),
        _method("TemporaryAccessPass", "temporaryAccessPass", "disabled", defaultLength=8, isUsableOnce=False),
        _method("SoftwareOath", "softwareOath", "disabled"),
        _method("Email", "email", "enabled", allowExternalIdToUseEmailOtp="default"),
    ),
)
SECURITY_DEFAULTS = _only(
    "00000000-0000-0000-0000-000000000005",
    "identitySecurityDefaultsEnforcementPolicy",
    "identitySecurityDefaultsEnforcementPolicy",
    properties.SECURITY_DEFAULTS,
    "Policy.ReadWrite.SecurityDefaults",
    {
        "displayName": "Security Defaults",
        "description": "Security defaults is a set of basic identity security mechanisms recommended by Microsoft.",
        "isEnabled": False,
    },
)
AUTHENTICATION_METHODS = _only(
    "authenticationMethodsPolicy",
    "authenticationMethodsPolicy",
    "authenticationMethodsPolicy",
    properties.AUTHENTICATION_METHODS,
    "Policy.ReadWrite.AuthenticationMethod",
    {
        "displayName": "Authentication Methods Policy",
        "description": "The tenant-wide policy that controls which authentication methods are allowed in the tenant.",
        "lastModifiedDateTime": "2024-01-15T08:00:00Z",
        "policyVersion": "1.5",
        "policyMigrationState": "migrationComplete",
        "registrationEnforcement": {
            "authenticationMethodsRegistrationCampaign": {
                "snoozeDurationInDays": 1,
                "enforceRegistrationAfterAllowedSnoozes": True,
                "state": "default",
                "excludeTargets": [],
                "includeTargets": [
                    {
                        "id": "all_users",
                        "targetType": "group",
                        "targetedAuthenticationMethod": "microsoftAuthenticator",
                    }
                ],
            }
        },
    },
    "Policy.Read.AuthenticationMethod",
    Relation("authenticationMethodConfigurations", 1, child=METHODS, inline=True),
)
CONSENT_REQUESTS = _only(
    "adminConsentRequestPolicy",
    "adminConsentRequestPolicy",
    "adminConsentRequestPolicy",
    properties.CONSENT_REQUESTS,
    "Policy.ReadWrite.ConsentRequest",
    {
        "isEnabled": False,
        "notifyReviewers": False,
        "remindersEnabled": False,
        "requestDurationInDays": 30,
        "version": 0,
        "reviewers": [],
    },
)
CLAIMS_MAPPING = _defined("claimsMappingPolicies", "claimsMappingPolicy", "servicePrincipals")
HOME_REALM = _defined("homeRealmDiscoveryPolicies", "homeRealmDiscoveryPolicy", "servicePrincipals")
TOKEN_ISSUANCE = _defined("tokenIssuancePolicies", "tokenIssuancePolicy", "applications", "servicePrincipals")
TOKEN_LIFETIME = _defined("tokenLifetimePolicies", "tokenLifetimePolicy", "applications", "servicePrincipals")

TEMPLATES = Kind(
    path="groupSettingTemplates",
    type="groupSettingTemplate",
    properties=tuple(properties.TEMPLATE.split()),
    read=_SETTINGS_READ,
    write=frozenset(),
    initial=(
        json.dumps(
            {
                "id": "62375ab9-6b52-47ed-826b-58e47e0e304b",
                "deletedDateTime": None,
                "displayName": "Group.Unified",
                "description": "Setting templates define the different settings that can be used for the associated "
                "ObjectSettings. This template defines settings that can be used for Unified Groups.",
                "values": [
                    {"name": name, "type": kind, "defaultValue": default, "description": name}
                    for name, kind, default in (
                        ("NewUnifiedGroupWritebackDefault", "System.Boolean", "true"),
                        ("EnableMIPLabels", "System.Boolean", "false"),
                        ("CustomBlockedWordsList", "System.String", ""),
                        ("EnableMSStandardBlockedWords", "System.Boolean", "false"),
                        ("ClassificationDescriptions", "System.String", ""),
                        ("DefaultClassification", "System.String", ""),
                        ("PrefixSuffixNamingRequirement", "System.String", ""),
                        ("AllowGuestsToBeGroupOwner", "System.Boolean", "false"),
                        ("AllowGuestsToAccessGroups", "System.Boolean", "true"),
                        ("GuestUsageGuidelinesUrl", "System.String", ""),
                        ("GroupCreationAllowedGroupId", "System.Guid", ""),
                        ("AllowToAddGuests", "System.Boolean", "true"),
                        ("UsageGuidelinesUrl", "System.String", ""),
                        ("ClassificationList", "System.String", ""),
                        ("EnableGroupCreation", "System.Boolean", "true"),
                    )
                ],
            }
        ),
    ),
)
SETTINGS = Kind(
    path="groupSettings",
    type="groupSetting",
    properties=tuple(properties.SETTING.split()),
    read=_SETTINGS_READ,
    write=frozenset(("GroupSettings.ReadWrite.All", *DIRECTORY_WRITE)),
    licence="P1",
)
LIFECYCLE = Kind(
    path="groupLifecyclePolicies",
    type="groupLifecyclePolicy",
    properties=tuple(properties.LIFECYCLE.split()),
    read=frozenset(DIRECTORY_READ),
    write=frozenset(DIRECTORY_WRITE),
    licence="P1",
    relations=(Relation("groups", 1),),
)

KINDS = (
    AUTHORIZATION,
    SECURITY_DEFAULTS,
    AUTHENTICATION_METHODS,
    CONSENT_REQUESTS,
    CLAIMS_MAPPING,
    HOME_REALM,
    TOKEN_ISSUANCE,
    TOKEN_LIFETIME,
    TEMPLATES,
    SETTINGS,
    LIFECYCLE,
)
