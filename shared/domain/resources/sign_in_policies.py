"""Policies of the whole directory about how people sign in.

(Graph reference: authenticationMethodsPolicy, authenticationMethodConfiguration, authorizationPolicy,
identitySecurityDefaultsEnforcementPolicy, authenticationFlowsPolicy, federatedTokenValidationPolicy,
homeRealmDiscoveryPolicy, activityBasedTimeoutPolicy, featureRolloutPolicy.)
"""

from shared.domain.resources.restoring import LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Reference, Resource, Rhythm

_METHODS = "/policies/authenticationMethodsPolicy"
_CONFIGURATIONS = f"{_METHODS}/authenticationMethodConfigurations"
_ROLLOUT = "/policies/featureRolloutPolicies"
_APP_WRITE = "Policy.ReadWrite.ApplicationConfiguration"
_AUTHORIZATION = """
    allowInvitesFrom allowUserConsentForRiskyApps allowedToSignUpEmailBasedSubscriptions allowedToUseSSPR
    allowEmailVerifiedUsersToJoinOrganization blockMsolPowerShell guestUserRoleId defaultUserRolePermissions
"""


def _policy(
    name: str,
    writable: tuple[str, ...],
    permission_write: str,
    *,
    others: tuple[str, ...] = (),
    permission_read: str = "Policy.Read.All",
    path: str = "",
    volatile: tuple[str, ...] = (),
    catches: tuple[str, ...] = (),
) -> Row:
    """Return the row of a policy of which a directory has one. ``others`` are properties that Graph sets."""
    address = path or f"/policies/{name}"
    return single(
        Resource(
            resource=name,
            family="authentication",
            path=address,
            permission_read=permission_read,
            permission_write=permission_write,
            licence="none",
            volatile=volatile,
            properties=("id", *others, *writable),
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=14,
                item=address,
                writable=writable,
                not_cleared=writable,
                catches=catches,
            ),
        ),
    )


def _defined(name: str, family: str, *, one: bool = False) -> Row:
    """Return the row of a kind of policies that consist of a definition. A directory has at most one if ``one``."""
    path = f"/policies/{name}"
    writable = ("definition", "displayName", "isOrganizationDefault")
    return listed(
        Resource(
            resource=name,
            family=family,
            path=path,
            permission_read="Policy.Read.All",
            permission_write=_APP_WRITE,
            licence="P1",
            properties=("id", "deletedDateTime", "description", *writable),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=10,
                collection=path,
                item=f"{path}/{{id}}",
                required=("definition", "displayName"),
                writable=writable,
                whole=("definition",),
                not_cleared=writable,
                create=SafeCreate.LISTED,
                identified_by=("displayName",),
                brief="a new id",
                catches=("A directory has at most one.",) if one else (),
            ),
        ),
    )


ROWS = (
    _policy(
        "authenticationMethodsPolicy",
        ("policyMigrationState", "registrationEnforcement"),
        "Policy.ReadWrite.AuthenticationMethod",
        others=(
            "displayName",
            "description",
            "lastModifiedDateTime",
            "policyVersion",
            "authenticationMethodConfigurations",
        ),
        permission_read="Policy.Read.AuthenticationMethod",
        volatile=("lastModifiedDateTime", "authenticationMethodConfigurations"),
        catches=("Each method is a record of authenticationMethodConfigurations, and is written there.",),
    ),
    listed(
        Resource(
            resource="authenticationMethodConfigurations",
            family="authentication",
            path=_CONFIGURATIONS,
            permission_read="Policy.Read.AuthenticationMethod",
            permission_write="Policy.ReadWrite.AuthenticationMethod",
            licence="none",
            properties=("@odata.type", "id", "state", "excludeTargets", "includeTargets"),
            references=(
                Reference(path="includeTargets.id", resources=("groups",), words=("all_users",)),
                Reference(path="excludeTargets.id", resources=("groups",)),
            ),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=14,
                item=f"{_CONFIGURATIONS}/{{id}}",
                writable=("excludeTargets", "includeTargets", "state"),
                typed=True,
                whole=("excludeTargets", "includeTargets"),
                not_cleared=("excludeTargets", "includeTargets", "state"),
                create=SafeCreate.NEVER,
                brief="state and targets",
                catches=(
                    "The built-in methods always exist, and are updated.",
                    "Settings of a single method, such as the lifetime of a temporary access pass, are set by hand.",
                ),
            ),
        ),
    ),
    _policy(
        "identitySecurityDefaultsEnforcementPolicy",
        ("isEnabled",),
        "Policy.ReadWrite.SecurityDefaults",
        others=("displayName", "description"),
        catches=("Graph refuses to enable security defaults while Conditional Access policies are enabled.",),
    ),
    _policy(
        "authorizationPolicy",
        tuple(_AUTHORIZATION.split()),
        "Policy.ReadWrite.Authorization",
        others=("displayName", "description"),
    ),
    _policy(
        "authenticationFlowsPolicy",
        ("selfServiceSignUp",),
        "Policy.ReadWrite.AuthenticationFlows",
        others=("displayName", "description"),
    ),
    _policy(
        "federatedTokenValidationPolicy",
        ("validatingDomains",),
        "Policy.ReadWrite.FedTokenValidation",
        others=("deletedDateTime",),
    ),
    _defined("homeRealmDiscoveryPolicies", "authentication"),
    below(
        Resource(
            resource="homeRealmDiscoveryPolicies.appliesTo",
            family="authentication",
            path="/policies/homeRealmDiscoveryPolicies/{id}/appliesTo",
            permission_read="Policy.Read.All",
            permission_write=_APP_WRITE,
            licence="P1",
            restoring=Restoring(
                kind=RestoreKind.LINK,
                stage=11,
                link=LinkWrite(
                    add="/{kind}/{id}/homeRealmDiscoveryPolicies/$ref",
                    remove="/{kind}/{id}/homeRealmDiscoveryPolicies/{owner}/$ref",
                    names="/policies/homeRealmDiscoveryPolicies/{owner}",
                ),
                permissions=("Application.ReadWrite.All",),
                brief="written at the service principal",
            ),
        ),
        Children(owner="homeRealmDiscoveryPolicies", segment="appliesTo", links=True),
        owners="/policies/homeRealmDiscoveryPolicies",
    ),
    _defined("activityBasedTimeoutPolicies", "authentication", one=True),
    listed(
        Resource(
            resource="featureRolloutPolicies",
            family="authentication",
            path=_ROLLOUT,
            permission_read="Policy.Read.HybridAuthentication",
            permission_write="Policy.ReadWrite.HybridAuthentication",
            licence="none",
            for_people=True,
            properties=("id", "description", "displayName", "feature", "isAppliedToOrganization", "isEnabled"),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=14,
                place="under Microsoft Entra Connect, staged rollout",
                by_administrator=("description", "displayName", "feature", "isAppliedToOrganization", "isEnabled"),
                catches=("Graph shows and writes it for signed-in administrators alone.",),
            ),
        ),
        rhythm=Rhythm.SELDOM,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
