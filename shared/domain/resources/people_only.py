"""What Graph shows and writes for signed-in people, and for no application.

A backup asks seldom, so that it notices if Graph changes that. (Graph permissions reference.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Resource, Rhythm, Switch

_BINS = "/identity/conditionalAccess/deletedItems"
_AGREEMENTS = "/identityGovernance/termsOfUse/agreements"
_ROLLOUT = "/policies/featureRolloutPolicies"


def _resource(
    name: str,
    family: str,
    path: str,
    permissions: tuple[str, str],
    licence: str,
    place: str,
    switch: Switch = Switch.STANDARD,
) -> Resource:
    """Return the resource, which an administrator sets at ``place``."""
    return Resource(
        resource=name,
        family=family,
        path=path,
        permission_read=permissions[0],
        permission_write=permissions[1],
        licence=licence,
        api="beta" if switch is Switch.BETA else "v1.0",
        for_people=True,
        switch=switch,
        restoring=Restoring(kind=RestoreKind.ADMINISTRATOR, stage=15, place=place),
    )


def _bin(name: str, segment: str) -> Row:
    """Return the row of a recycle bin of Conditional Access."""
    path = f"{_BINS}/{segment}"
    row = _resource(f"{name}.deleted", "conditional-access", path, ("", ""), "P1", "under Conditional Access")
    return listed(row, rhythm=Rhythm.SELDOM, bucket="conditional-access")


def _mobility(name: str) -> Row:
    """Return the row of policies about the management of mobile devices or apps."""
    permissions = ("Policy.Read.All", "Policy.ReadWrite.MobilityManagement")
    row = _resource(name, "devices", f"/policies/{name}", permissions, "P1", "under Mobility", Switch.BETA)
    return listed(row, rhythm=Rhythm.SELDOM)


_AGREEMENT_PERMISSIONS = ("Agreement.Read.All", "Agreement.ReadWrite.All")

ROWS = (
    _bin("conditionalAccessPolicies", "policies"),
    _bin("namedLocations", "namedLocations"),
    single(
        _resource(
            "ownerlessGroupPolicy",
            "identity",
            "/policies/ownerlessGroupPolicy",
            ("Group.Read.All", "Group.ReadWrite.All"),
            "none",
            "in the Microsoft 365 admin center",
        ),
        rhythm=Rhythm.SELDOM,
    ),
    below(
        _resource(
            "featureRolloutPolicies.appliesTo",
            "authentication",
            f"{_ROLLOUT}/{{id}}/appliesTo",
            ("Policy.Read.HybridAuthentication", "Policy.ReadWrite.HybridAuthentication"),
            "none",
            "under Microsoft Entra Connect, staged rollout",
        ),
        Children(owner="featureRolloutPolicies", segment="appliesTo", links=True),
        owners=_ROLLOUT,
        rhythm=Rhythm.SELDOM,
    ),
    below(
        _resource(
            "termsOfUseAgreements.files",
            "conditional-access",
            f"{_AGREEMENTS}/{{id}}/file/localizations",
            _AGREEMENT_PERMISSIONS,
            "P1",
            "under Conditional Access, terms of use",
        ),
        Children(owner="termsOfUseAgreements", segment="file/localizations", links=False, name="files"),
        owners=_AGREEMENTS,
        rhythm=Rhythm.SELDOM,
    ),
    below(
        _resource(
            "termsOfUseAgreements.acceptances",
            "logs",
            f"{_AGREEMENTS}/{{id}}/acceptances",
            ("AgreementAcceptance.Read.All", ""),
            "P1",
            "nowhere: people accept again",
            Switch.OPTIONAL,
        ),
        Children(owner="termsOfUseAgreements", segment="acceptances", links=False),
        owners=_AGREEMENTS,
        rhythm=Rhythm.SELDOM,
    ),
    _mobility("mobileDeviceManagementPolicies"),
    _mobility("mobileAppManagementPolicies"),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
