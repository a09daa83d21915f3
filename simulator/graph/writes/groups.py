"""The rules of groups (Graph: "Create group", "Update group", "Delete group")."""

import re

from simulator.graph.answers import bad_request
from simulator.graph.kinds import GROUPS
from simulator.graph.values import DOMAIN
from simulator.graph.writes.authority import require_over_group, require_over_unit
from simulator.graph.writes.group_types import OF_EXCHANGE, is_dynamic, is_of_exchange, is_unified
from simulator.graph.writes.licences import assign_to_group, follow_group, follow_membership
from simulator.graph.writes.memberships import check_link
from simulator.graph.writes.naming import check_name
from simulator.graph.writes.rules import Change, Removal, Rules, Unique
from simulator.graph.writes.users import SYNCHRONISED

_READ_ONLY = """
mail proxyAddresses createdDateTime deletedDateTime renewedDateTime expirationDateTime securityIdentifier assignedLicenses
licenseProcessingState hasMembersWithLicenseErrors isManagementRestricted createdByAppId serviceProvisioningErrors
onPremisesDomainName onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesSamAccountName
onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesProvisioningErrors
"""
_OF_MAILBOX = frozenset(
    (
        *("allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists"),
        *("hideFromOutlookClients", "isSubscribedByMail", "unseenCount"),
    )
)
"""Properties that Exchange keeps."""
_NICKNAME = re.compile(r"[!-~]{1,64}")
_NOT_IN_NICKNAMES = set("@()\\/[]';:<>,\"")
_RULE = re.compile(r"(user|device)\.[\w.]+\s+-?\w+|direct reports for", re.I)
_MEMBER_OF = re.compile(r"\.memberof\b", re.I)
_JOINED = re.compile(r"\s-(and|or|not)\b", re.I)


def _after(change: Change) -> dict[str, object]:
    return {**(change.old or {}), **change.given}


def _check_source(change: Change) -> None:
    """Refuse groups that another service writes: Exchange, or the directory on the premises."""
    if is_of_exchange(_after(change) if change.creates else change.old or {}):
        raise bad_request(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement "
            "property is unset and the security-enablement property is set."
            if change.creates
            else OF_EXCHANGE
        )
    if (change.old or {}).get("onPremisesSyncEnabled") is True:
        raise bad_request(SYNCHRONISED)


def _check_unit(change: Change) -> None:
    if not change.creates:
        require_over_unit(change.directory, change.app, change.id)


def _check_nickname(change: Change) -> None:
    name = change.given.get("mailNickname")
    if name is None:
        return
    if not isinstance(name, str) or not _NICKNAME.fullmatch(name) or _NOT_IN_NICKNAMES & set(name):
        raise bad_request("Invalid value specified for property 'mailNickname' of resource 'Group'.")


def _check_type(change: Change) -> None:
    if not change.creates and "groupTypes" in change.given and is_unified(change.old or {}) != is_unified(change.given):
        raise bad_request("Property 'groupTypes' cannot be changed to or from 'Unified'.")


def _check_dynamic(change: Change) -> None:
    group = _after(change)
    rule = group.get("membershipRule")
    if is_dynamic(group) and (not isinstance(rule, str) or not _RULE.search(rule)):
        raise bad_request("The membership rule is invalid: 'membershipRule' has a syntax error.")
    if "membershipRule" in change.given and isinstance(rule, str) and _MEMBER_OF.search(rule) and _JOINED.search(rule):
        raise bad_request("The membership rule is invalid: 'memberOf' cannot be used with other operators or clauses.")


def _check_role_assignable(change: Change) -> None:
    group = _after(change)
    if group.get("isAssignableToRole") is not True:
        return
    require_over_group(change.app)
    if change.creates and (group.get("securityEnabled") is not True or is_dynamic(group)):
        raise bad_request("A role-assignable group must be security-enabled and must not be dynamic.")
    if group.get("visibility") not in (None, "Private"):
        raise bad_request("The visibility of a role-assignable group is Private.")


def _check_visibility(change: Change) -> None:
    if change.given.get("visibility") == "HiddenMembership":
        if not change.creates:
            raise bad_request("The visibility 'HiddenMembership' can be set only when the group is created.")
        if not is_unified(change.given):
            raise bad_request("The visibility 'HiddenMembership' is for Microsoft 365 groups.")


def _defaults(change: Change) -> dict[str, object]:
    when = change.directory.clock.text()
    values: dict[str, object] = {
        "createdDateTime": when,
        "renewedDateTime": when,
        "groupTypes": [],
        "proxyAddresses": [],
        "resourceBehaviorOptions": [],
        "resourceProvisioningOptions": [],
    }
    if is_unified(change.given):
        address = f"{change.given['mailNickname']}@{DOMAIN}"
        values |= {"mail": address, "proxyAddresses": [f"SMTP:{address}"], "visibility": "Public"}
    return values


def _derived(change: Change) -> dict[str, object]:
    """Return what a role-assignable group always has."""
    assignable = change.creates and change.given.get("isAssignableToRole") is True
    return {"visibility": "Private"} if assignable else {}


def _stored(change: Change) -> None:
    """Remove the members of a group that has become dynamic."""
    if change.creates or not is_dynamic(change.given) or is_dynamic(change.old or {}):
        return
    relation = GROUPS.relation("members")
    for target, _ in change.directory.existing_links(GROUPS, change.id, relation) if relation else ():
        if relation:
            change.directory.unlink(GROUPS, change.id, relation, target)


def _check_removal(removal: Removal) -> None:
    require_over_unit(removal.directory, removal.app, removal.id)
    if is_of_exchange(removal.value):
        raise bad_request(OF_EXCHANGE)
    if removal.value.get("onPremisesSyncEnabled") is True:
        raise bad_request(SYNCHRONISED)
    if removal.value.get("isAssignableToRole") is True:
        require_over_group(removal.app)


RULES = Rules(
    required=("displayName", "mailEnabled", "mailNickname", "securityEnabled"),
    read_only=frozenset(_READ_ONLY.split()),
    create_only=frozenset(
        ("isAssignableToRole", "mailEnabled", "resourceBehaviorOptions", "resourceProvisioningOptions")
    ),
    once=frozenset(("uniqueName",)),
    not_null=frozenset(("displayName", "mailNickname", "securityEnabled")),
    at_most={"displayName": 256, "membershipRule": 3072, "description": 1024},
    alone=_OF_MAILBOX,
    delegated=frozenset(("assignedLabels",)),
    unique=(Unique("uniqueName", in_bin=True), Unique("mailNickname", in_bin=True, applies=is_unified)),
    checks=(
        *(_check_unit, _check_source, _check_type, check_name, _check_nickname, _check_dynamic),
        *(_check_role_assignable, _check_visibility),
    ),
    defaults=_defaults,
    derived=_derived,
    stored=_stored,
    linking=(check_link,),
    removing=(_check_removal,),
    linked=follow_membership,
    removed=follow_group,
    restored=follow_group,
    actions={"assignLicense": assign_to_group},
)
