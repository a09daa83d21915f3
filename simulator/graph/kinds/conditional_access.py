"""Conditional Access and what its policies name: locations, contexts, authentication strengths and terms of use."""

import json

from simulator.graph.kinds import properties
from simulator.graph.kinds.model import Kind, OwnBin, Relation

_READ = ("Policy.Read.All", "Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess")
_WRITE = frozenset(("Policy.ReadWrite.ConditionalAccess",))

POLICIES = Kind(
    path="identity/conditionalAccess/policies",
    type="conditionalAccessPolicy",
    properties=tuple(properties.POLICY.split()),
    read=frozenset(_READ),
    write=_WRITE,
    open=False,
    page=0,
    licence="P1",
    own_bin=OwnBin("identity/conditionalAccess/deletedItems/policies", delegated=True),
)
LOCATIONS = Kind(
    path="identity/conditionalAccess/namedLocations",
    type="namedLocation",
    properties=tuple(properties.LOCATION.split()),
    read=frozenset(_READ),
    write=_WRITE,
    open=False,
    page=0,
    licence="P1",
    types=("ipNamedLocation", "countryNamedLocation"),
    own_bin=OwnBin(
        "identity/conditionalAccess/deletedItems/namedLocations", delegated=True, restored=b'{"isTrusted":false}'
    ),
)
CONTEXTS = Kind(
    path="identity/conditionalAccess/authenticationContextClassReferences",
    type="authenticationContextClassReference",
    properties=tuple(properties.CONTEXT.split()),
    read=frozenset(("AuthenticationContext.Read.All", "AuthenticationContext.ReadWrite.All", *_READ)),
    write=frozenset(("AuthenticationContext.ReadWrite.All", *_WRITE)),
    open=False,
    page=0,
    licence="P1",
)
"""Labels for protected resources. Their ids are `c1` to `c99`."""

COMBINATIONS = Kind(
    path="combinationConfigurations",
    type="authenticationCombinationConfiguration",
    properties=tuple(properties.COMBINATION.split()),
    read=frozenset(),
    write=frozenset(),
    open=False,
    types=("fido2CombinationConfiguration", "x509CertificateCombinationConfiguration"),
)
_PASSWORDLESS = ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush")
_TWO_FACTORS = (
    "temporaryAccessPassOneTime",
    "temporaryAccessPassMultiUse",
    *(
        f"password,{second}"
        for second in ("microsoftAuthenticatorPush", "softwareOath", "hardwareOath", "sms", "voice")
    ),
)


def _strength(id: str, name: str, description: str, combinations: tuple[str, ...]) -> str:
    return json.dumps(
        {
            "id": id,
            "createdDateTime": "2021-12-01T00:00:00Z",
            "modifiedDateTime": "2021-12-01T00:00:00Z",
            "displayName": name,
            "description": description,
            "policyType": "builtIn",
            "requirementsSatisfied": "mfa",
            "allowedCombinations": combinations,
        }
    )


STRENGTHS = Kind(
    path="policies/authenticationStrengthPolicies",
    type="authenticationStrengthPolicy",
    properties=tuple(properties.STRENGTH.split()),
    read=frozenset(
        (
            "Policy.Read.All",
            "Policy.Read.AuthenticationMethod",
            "Policy.ReadWrite.AuthenticationMethod",
            "Policy.ReadWrite.ConditionalAccess",
        )
    ),
    write=frozenset(("Policy.ReadWrite.AuthenticationMethod", "Policy.ReadWrite.ConditionalAccess")),
    open=False,
    page=0,
    licence="P1",
    relations=(Relation("combinationConfigurations", 1, child=COMBINATIONS),),
    initial=(
        _strength(
            "00000000-0000-0000-0000-000000000002",
            "Multifactor authentication",
            "Combinations of methods that satisfy strong authentication, such as a password + SMS",
            (*_PASSWORDLESS, *_TWO_FACTORS),
        ),
        _strength(
            "00000000-0000-0000-0000-000000000003",
            "Passwordless MFA",
            "Passwordless methods that satisfy strong authentication, such as Passwordless sign-in with the Microsoft "
            "Authenticator",
            _PASSWORDLESS,
        ),
        _strength(
            "00000000-0000-0000-0000-000000000004",
            "Phishing-resistant MFA",
            "Phishing-resistant, Passwordless methods for the strongest authentication, such as a FIDO2 security key",
            _PASSWORDLESS[:3],
        ),
    ),
)
AGREEMENTS = Kind(
    path="identityGovernance/termsOfUse/agreements",
    type="agreement",
    properties=tuple(properties.AGREEMENT.split()),
    read=frozenset(("Agreement.Read.All", "Agreement.ReadWrite.All")),
    write=frozenset(("Agreement.ReadWrite.All",)),
    open=False,
    licence="P1",
    delegated=True,
)

KINDS = (POLICIES, LOCATIONS, CONTEXTS, STRENGTHS, AGREEMENTS)
