"""The rules of users (Graph: "Create user", "Update user"; permissions: "Working with users")."""

import json

from simulator.graph.answers import bad_request
from simulator.graph.kinds import ORGANIZATION, USERS
from simulator.graph.writes.authority import require_over_user, require_password_role
from simulator.graph.writes.licences import assign_to_user, release_seats, take_seats
from simulator.graph.writes.rules import Change, Linking, Removal, Rules, Unique
from simulator.graph.writes.undeleting import refuse_taken_addresses, refuse_taken_name, taken_addresses

_READ_ONLY = """
assignedLicenses assignedPlans provisionedPlans licenseAssignmentStates createdDateTime creationType deletedDateTime
proxyAddresses imAddresses securityIdentifier signInActivity lastPasswordChangeDateTime legalAgeGroupClassification
isManagementRestricted isResourceAccount externalUserState externalUserStateChangeDateTime signInSessionsValidFromDateTime
refreshTokensValidFromDateTime serviceProvisioningErrors onPremisesDistinguishedName onPremisesDomainName
onPremisesLastSyncDateTime onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
onPremisesUserPrincipalName onPremisesProvisioningErrors
"""
_CLOUD_OWNED = frozenset(
    [
        "usageLocation",
        "preferredDataLocation",
        "otherMails",
        "passwordPolicies",
        "passwordProfile",
        "customSecurityAttributes",
    ]
)
"""Properties of a synchronised user that the cloud may still write."""
_SENSITIVE = frozenset(
    [
        "accountEnabled",
        "businessPhones",
        "mobilePhone",
        "onPremisesImmutableId",
        "otherMails",
        "passwordProfile",
        "userPrincipalName",
    ]
)
SYNCHRONISED = (
    "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently "
    "undergoing migration."
)


def _check_domain(change: Change) -> None:
    name = change.given.get("userPrincipalName")
    if not isinstance(name, str):
        return
    stored = change.directory.live(ORGANIZATION, change.directory.id)
    domains = json.loads(stored.value).get("verifiedDomains", []) if stored else []
    verified = {str(domain.get("name")).lower() for domain in domains if isinstance(domain, dict)}
    if name.rpartition("@")[2].lower() not in verified:
        raise bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain "
            "names in your organization."
        )


def _check_synchronised(change: Change) -> None:
    synchronised = (change.old or {}).get("onPremisesSyncEnabled") is True
    if synchronised and set(change.given) - _CLOUD_OWNED:
        raise bad_request(SYNCHRONISED)


def _check_password(change: Change) -> None:
    profile = change.given.get("passwordProfile")
    password = profile.get("password") if isinstance(profile, dict) else None
    if isinstance(password, str) and len(password) < 8:
        raise bad_request(
            "The specified password does not comply with password complexity requirements. Please provide a different "
            "password."
        )
    if profile is not None and not change.creates:
        require_password_role(change.directory, change.app)


def _check_authority(change: Change) -> None:
    if not change.creates:
        require_over_user(change.directory, change.app, change.id, sensitive=bool(_SENSITIVE & set(change.given)))


def _check_removal(removal: Removal) -> None:
    require_over_user(removal.directory, removal.app, removal.id, sensitive=True)


def _check_manager(linking: Linking) -> None:
    if linking.start.get("onPremisesSyncEnabled") is True:
        raise bad_request(SYNCHRONISED)


def _defaults(change: Change) -> dict[str, object]:
    name = change.given["userPrincipalName"]
    return {
        "createdDateTime": change.directory.clock.text(),
        "userType": "Member",
        "businessPhones": [],
        "otherMails": [],
        "proxyAddresses": [],
        "assignedLicenses": [],
        "licenseAssignmentStates": [],
        "identities": [
            {"signInType": "userPrincipalName", "issuer": str(name).rpartition("@")[2], "issuerAssignedId": name}
        ],
    }


def _restored(removal: Removal) -> None:
    """Give a restored user the new name in the request, the addresses that are still his, and his licences."""
    change: dict[str, object] = {}
    if isinstance(removal.body.get("newUserPrincipalName"), str):
        change["userPrincipalName"] = removal.body["newUserPrincipalName"]
    taken, addresses = taken_addresses(removal), removal.value.get("proxyAddresses")
    if taken and isinstance(addresses, list):
        change["proxyAddresses"] = [address for address in addresses if address not in taken]
    if change:
        removal.directory.update(removal.kind, removal.id, json.dumps(change).encode(), to_the_letter=False)
    take_seats(removal)


def _derived(change: Change) -> dict[str, object]:
    """Return the addresses of a user whose `mail` is set: it becomes the primary one."""
    mail = change.given.get("mail")
    if not isinstance(mail, str):
        return {}
    addresses = (change.old or {}).get("proxyAddresses")
    others = [
        str(each).replace("SMTP:", "smtp:", 1)
        for each in (addresses if isinstance(addresses, list) else ())
        if str(each).lower() != f"smtp:{mail.lower()}"
    ]
    return {"proxyAddresses": [f"SMTP:{mail}", *others]}


RULES = Rules(
    required=("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"),
    read_only=frozenset(_READ_ONLY.split()),
    not_null=frozenset(("displayName", "userPrincipalName", "accountEnabled", "mail", "mailNickname")),
    at_most={"displayName": 256, "mailNickname": 64, "otherMails": 250, "businessPhones": 1, "jobTitle": 128},
    unique=(Unique("userPrincipalName"), Unique("onPremisesImmutableId")),
    unstored=frozenset(("passwordProfile",)),
    alone=USERS.stored_elsewhere,
    permissions={
        "employeeLeaveDateTime": frozenset(("User-LifeCycleInfo.ReadWrite.All",)),
        "customSecurityAttributes": frozenset(("CustomSecAttributeAssignment.ReadWrite.All",)),
    },
    checks=(_check_domain, _check_synchronised, _check_password, _check_authority),
    defaults=_defaults,
    derived=_derived,
    linking=(_check_manager,),
    removing=(_check_removal,),
    removed=release_seats,
    restoring=(_check_removal, refuse_taken_name, refuse_taken_addresses),
    restored=_restored,
    actions={"assignLicense": assign_to_user},
)
