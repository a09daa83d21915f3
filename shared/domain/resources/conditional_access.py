"""Conditional Access policies, read whole in one listing because Graph has no delta for them.

Graph allows 1 request a second and tenant. (Graph reference: conditionalAccessPolicy.)
"""

from shared.domain.resources.restoring import Bin, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Reference, ReferenceKind, Resource, Stream

_POLICY = "id templateId displayName createdDateTime modifiedDateTime state conditions grantControls sessionControls"
_USERS, _APPLICATIONS, _CLIENTS = "conditions.users", "conditions.applications", "conditions.clientApplications"
_DIRECTORY_APPS = ("servicePrincipals", "applications")
_STRENGTH = "grantControls.authenticationStrength"
_EXPANDED_STRENGTH = """
    allowedCombinations combinationConfigurations createdDateTime description displayName modifiedDateTime policyType
    requirementsSatisfied
"""


_PLACES = ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001")
"""Locations that are no objects: the trusted addresses of multifactor authentication, and compliant networks."""


def _both(
    condition: str,
    things: str,
    resources: tuple[str, ...] = (),
    kind: ReferenceKind = ReferenceKind.OBJECT,
    words: tuple[str, ...] = (),
) -> tuple[Reference, ...]:
    """Return the references of a condition that includes and excludes things."""
    paths = (f"{condition}.{which}{things}" for which in ("include", "exclude"))
    return tuple(Reference(path=path, resources=resources, kind=kind, words=words) for path in paths)


_RESTORE_POLICIES = Restoring(
    kind=RestoreKind.OBJECT,
    stage=15,
    collection="/identity/conditionalAccess/policies",
    item="/identity/conditionalAccess/policies/{id}",
    required=("conditions", "displayName", "state"),
    writable=("conditions", "displayName", "grantControls", "sessionControls", "state"),
    essential=("conditions", "grantControls", "sessionControls", "state"),
    strict=True,
    whole=("conditions", "grantControls", "sessionControls"),
    parts_by_graph=tuple(f"{_STRENGTH}.{part}" for part in _EXPANDED_STRENGTH.split()),
    not_cleared=("conditions", "displayName", "state"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    bin=Bin(
        path="/identity/conditionalAccess/deletedItems/policies",
        restore="/identity/conditionalAccess/deletedItems/policies/{id}/restore",
        by_application=False,
    ),
    permissions=("Policy.Read.All", "Application.Read.All"),
    bucket="conditional-access",
    brief="report-only at first",
    catches=(
        "A policy that is recreated is in report-only state unless it was disabled or --enable-policies is given.",
        "A policy is written only if every object that it names exists; a list is never shortened.",
        "Only an administrator can undelete a policy; a restore creates it again.",
        "A directory has at most 195 policies, and Graph allows one write a second.",
        "Security defaults keep policies from being enabled.",
        "Conditions about risk need the licence P2.",
        "Of policies that Microsoft manages, only state and exclusions can be changed.",
    ),
)

RESOURCES = (
    Resource(
        resource="conditionalAccessPolicies",
        family="conditional-access",
        path="/identity/conditionalAccess/policies",
        stream="conditionalAccessPolicies",
        permission_read="Policy.Read.All",
        permission_write="Policy.ReadWrite.ConditionalAccess",
        licence="P1",
        everywhere=True,
        volatile=("modifiedDateTime",),
        properties=tuple(_POLICY.split()),
        references=(
            *_both(_USERS, "Users", ("users",)),
            *_both(_USERS, "Groups", ("groups",)),
            *_both(_USERS, "Roles", ("roleDefinitions",), ReferenceKind.ROLE),
            *_both(_USERS, "GuestsOrExternalUsers.externalTenants.members", kind=ReferenceKind.DIRECTORY),
            *_both(_APPLICATIONS, "Applications", _DIRECTORY_APPS, ReferenceKind.APP_ID),
            Reference(
                path=f"{_APPLICATIONS}.includeAuthenticationContextClassReferences",
                resources=("authenticationContexts",),
                kind=ReferenceKind.NAME,
            ),
            *_both(_CLIENTS, "ServicePrincipals", ("servicePrincipals",)),
            *_both("conditions.locations", "Locations", ("namedLocations",), words=_PLACES),
            Reference(path="grantControls.termsOfUse", resources=("termsOfUseAgreements",)),
            Reference(path=f"{_STRENGTH}.id", resources=("authenticationStrengthPolicies",)),
        ),
        restoring=_RESTORE_POLICIES,
    ),
)

STREAMS = (
    Stream(
        name="conditionalAccessPolicies",
        reading=Reading.LISTING,
        path="/identity/conditionalAccess/policies",
        collection="/identity/conditionalAccess/policies",
        resource="conditionalAccessPolicies",
        bucket="conditional-access",
    ),
)
