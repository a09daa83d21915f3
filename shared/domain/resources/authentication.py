"""Authentication contexts, authentication strengths and terms of use, which Conditional Access policies name.

They are few and read whole. (Graph reference: authenticationContextClassReference, authenticationStrengthPolicy,
authenticationCombinationConfiguration, agreement.)
"""

from shared.domain.resources.restoring import Fixed, OwnCall, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Children, Reading, Reference, ReferenceKind, Resource, Stream

_CONTEXTS = "/identity/conditionalAccess/authenticationContextClassReferences"
_STRENGTHS = "/policies/authenticationStrengthPolicies"
_AGREEMENTS = "/identityGovernance/termsOfUse/agreements"
_STRENGTH = """
    id createdDateTime modifiedDateTime displayName description policyType requirementsSatisfied allowedCombinations
"""
_CONFIGURATION = "@odata.type id appliesToCombinations allowedAAGUIDs allowedIssuerSkis allowedPolicyOIDs"
_AGREEMENT = """
    id displayName isPerDeviceAcceptanceRequired isViewingBeforeAcceptanceRequired termsExpiration
    userReacceptRequiredFrequency
"""

_RESTORE_CONTEXTS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    item=f"{_CONTEXTS}/{{id}}",
    required=("displayName",),
    writable=("description", "displayName", "isAvailable"),
    not_cleared=("displayName", "isAvailable"),
    create=SafeCreate.CLIENT_KEY,
    identified_by=("id",),
    bucket="conditional-access",
    catches=(
        "The ids c1 to c99 are fixed, so a context that is recreated is the same one for all who name it.",
        "A context cannot be deleted while a policy names it.",
    ),
)

_RESTORE_STRENGTHS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    collection=_STRENGTHS,
    item=f"{_STRENGTHS}/{{id}}",
    required=("allowedCombinations", "displayName"),
    writable=("description", "displayName"),
    create_only=("allowedCombinations",),
    not_cleared=("displayName",),
    calls=(OwnCall(property="allowedCombinations", path=f"{_STRENGTHS}/{{id}}/updateAllowedCombinations"),),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    fixed=(
        Fixed(property="policyType", value='"builtIn"', reason="Graph does not let built-in strengths be written."),
    ),
    bucket="conditional-access",
    brief="built-in ones are read-only",
    catches=(
        "A directory has at most 15 strengths of its own.",
        "A strength cannot be deleted while a policy names it.",
    ),
)

_RESTORE_CONFIGURATIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=12,
    collection=f"{_STRENGTHS}/{{owner}}/combinationConfigurations",
    item=f"{_STRENGTHS}/{{owner}}/combinationConfigurations/{{id}}",
    required=("appliesToCombinations",),
    writable=("allowedAAGUIDs", "allowedIssuerSkis", "allowedPolicyOIDs", "appliesToCombinations"),
    typed=True,
    not_cleared=("appliesToCombinations",),
    create=SafeCreate.LISTED,
    identified_by=("appliesToCombinations",),
    bucket="conditional-access",
)

_RESTORE_AGREEMENTS = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=11,
    item=f"{_AGREEMENTS}/{{id}}",
    by_administrator=tuple(name for name in _AGREEMENT.split() if name != "id"),
    brief="everybody must accept again",
    catches=(
        "Graph lets signed-in administrators write agreements, and no application.",
        "The document is not part of the backup: an administrator uploads it again.",
        "An agreement that is recreated has a new id, and everybody must accept it again.",
    ),
)

RESOURCES = (
    Resource(
        resource="authenticationContexts",
        family="conditional-access",
        path=_CONTEXTS,
        stream="authenticationContexts",
        permission_read="AuthenticationContext.Read.All",
        permission_write="AuthenticationContext.ReadWrite.All",
        licence="P1",
        properties=("id", "displayName", "description", "isAvailable"),
        restoring=_RESTORE_CONTEXTS,
    ),
    Resource(
        resource="authenticationStrengthPolicies",
        family="conditional-access",
        path=_STRENGTHS,
        stream="authenticationStrengthPolicies",
        permission_read="Policy.Read.AuthenticationMethod",
        permission_write="Policy.ReadWrite.ConditionalAccess",
        licence="P1",
        volatile=("modifiedDateTime",),
        properties=tuple(_STRENGTH.split()),
        restoring=_RESTORE_STRENGTHS,
    ),
    Resource(
        resource="authenticationStrengthPolicies.combinationConfigurations",
        family="conditional-access",
        path=f"{_STRENGTHS}/{{id}}/combinationConfigurations",
        stream="authenticationStrengthPolicies.combinationConfigurations",
        permission_read="Policy.Read.AuthenticationMethod",
        permission_write="Policy.ReadWrite.ConditionalAccess",
        licence="P1",
        properties=tuple(_CONFIGURATION.split()),
        references=(Reference(path="allowedAAGUIDs", kind=ReferenceKind.OUTSIDE),),
        restoring=_RESTORE_CONFIGURATIONS,
    ),
    Resource(
        resource="termsOfUseAgreements",
        family="conditional-access",
        path=_AGREEMENTS,
        stream="termsOfUseAgreements",
        permission_read="Agreement.Read.All",
        permission_write="Agreement.ReadWrite.All",
        licence="P1",
        for_people=True,
        properties=tuple(_AGREEMENT.split()),
        restoring=_RESTORE_AGREEMENTS,
    ),
)

STREAMS = (
    Stream(
        name="authenticationContexts",
        reading=Reading.LISTING,
        path=_CONTEXTS,
        collection=_CONTEXTS,
        resource="authenticationContexts",
        paged=False,
        bucket="conditional-access",
    ),
    Stream(
        name="authenticationStrengthPolicies",
        reading=Reading.LISTING,
        path=_STRENGTHS,
        collection=_STRENGTHS,
        resource="authenticationStrengthPolicies",
        paged=False,
    ),
    Stream(
        name="authenticationStrengthPolicies.combinationConfigurations",
        reading=Reading.CHILDREN,
        path=_STRENGTHS,
        collection=_STRENGTHS,
        resource="authenticationStrengthPolicies.combinationConfigurations",
        children=Children(
            owner="authenticationStrengthPolicies",
            segment="combinationConfigurations",
            links=False,
            filter="policyType eq 'custom'",
        ),
        paged=False,
    ),
    Stream(
        name="termsOfUseAgreements",
        reading=Reading.LISTING,
        path=_AGREEMENTS,
        collection=_AGREEMENTS,
        resource="termsOfUseAgreements",
        paged=False,
    ),
)
