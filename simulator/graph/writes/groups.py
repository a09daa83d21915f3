"""The rules of groups, of their links and of their settings (Graph: "Create group", "Update group", "Add members")."""

import json
import re

from simulator.graph.answers import Refused, bad_request
from simulator.graph.directory import Directory
from simulator.graph.kinds import DEVICES, DIRECTORY_WRITE, GROUPS, SERVICE_PRINCIPALS, USERS
from simulator.graph.kinds.tenant import SETTINGS as SETTINGS_OF_ALL
from simulator.graph.values import DOMAIN
from simulator.graph.writes.authority import denied, require_over_group, require_over_unit
from simulator.graph.writes.checking import CONFLICT
from simulator.graph.writes.licences import assign_to_group, follow_group, follow_membership
from simulator.graph.writes.naming import check_name
from simulator.graph.writes.rules import Change, Linking, Removal, Rules, Unique
from simulator.graph.writes.users import SYNCHRONISED

_READ_ONLY = """
mail proxyAddresses createdDateTime deletedDateTime renewedDateTime expirationDateTime securityIdentifier assignedLicenses
licenseProcessingState hasMembersWithLicenseErrors isManagementRestricted createdByAppId serviceProvisioningErrors
onPremisesDomainName onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesSamAccountName
onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesProvisioningErrors
"""
_MEMBER_PERMISSIONS = {
    DEVICES: frozenset(("Device.ReadWrite.All", *DIRECTORY_WRITE)),
    SERVICE_PRINCIPALS: frozenset(("Application.ReadWrite.All", *DIRECTORY_WRITE)),
}
"""Permissions that members of these kinds need beside those of the group; one of them is enough."""
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
_EXCHANGE = "Cannot Update a mail-enabled security groups and or distribution list."
_NO_GUESTS = "Guests users are not allowed to join this Unified Group due to policy setting."


def _types(group: dict[str, object]) -> list[object]:
    types = group.get("groupTypes")
    return types if isinstance(types, list) else []


def _unified(group: dict[str, object]) -> bool:
    return "Unified" in _types(group)


def _dynamic(group: dict[str, object]) -> bool:
    return "DynamicMembership" in _types(group)


def _of_exchange(group: dict[str, object]) -> bool:
    return group.get("mailEnabled") is True and not _unified(group)


def _after(change: Change) -> dict[str, object]:
    return {**(change.old or {}), **change.given}


def _check_source(change: Change) -> None:
    """Refuse groups that another service writes: Exchange, or the directory on the premises."""
    if _of_exchange(_after(change) if change.creates else change.old or {}):
        raise bad_request(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement "
            "property is unset and the security-enablement property is set."
            if change.creates
            else _EXCHANGE
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
    if not change.creates and "groupTypes" in change.given and _unified(change.old or {}) != _unified(change.given):
        raise bad_request("Property 'groupTypes' cannot be changed to or from 'Unified'.")


def _check_dynamic(change: Change) -> None:
    group = _after(change)
    rule = group.get("membershipRule")
    if _dynamic(group) and (not isinstance(rule, str) or not _RULE.search(rule)):
        raise bad_request("The membership rule is invalid: 'membershipRule' has a syntax error.")
    if "membershipRule" in change.given and isinstance(rule, str) and _MEMBER_OF.search(rule) and _JOINED.search(rule):
        raise bad_request("The membership rule is invalid: 'memberOf' cannot be used with other operators or clauses.")


def _check_role_assignable(change: Change) -> None:
    group = _after(change)
    if group.get("isAssignableToRole") is not True:
        return
    require_over_group(change.app)
    if change.creates and (group.get("securityEnabled") is not True or _dynamic(group)):
        raise bad_request("A role-assignable group must be security-enabled and must not be dynamic.")
    if group.get("visibility") not in (None, "Private"):
        raise bad_request("The visibility of a role-assignable group is Private.")


def _check_visibility(change: Change) -> None:
    if change.given.get("visibility") == "HiddenMembership":
        if not change.creates:
            raise bad_request("The visibility 'HiddenMembership' can be set only when the group is created.")
        if not _unified(change.given):
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
    if _unified(change.given):
        address = f"{change.given['mailNickname']}@{DOMAIN}"
        values |= {"mail": address, "proxyAddresses": [f"SMTP:{address}"], "visibility": "Public"}
    return values


def _derived(change: Change) -> dict[str, object]:
    """Return what a role-assignable group always has."""
    assignable = change.creates and change.given.get("isAssignableToRole") is True
    return {"visibility": "Private"} if assignable else {}


def _stored(change: Change) -> None:
    """Remove the members of a group that has become dynamic."""
    if change.creates or not _dynamic(change.given) or _dynamic(change.old or {}):
        return
    relation = GROUPS.relation("members")
    for target, _ in change.directory.existing_links(GROUPS, change.id, relation) if relation else ():
        if relation:
            change.directory.unlink(GROUPS, change.id, relation, target)


def _check_link(linking: Linking) -> None:
    if linking.relation.name not in ("members", "owners"):
        return
    require_over_unit(linking.directory, linking.app, linking.id)
    group = linking.start
    if _of_exchange(group):
        raise bad_request(_EXCHANGE)
    if group.get("onPremisesSyncEnabled") is True and linking.relation.name == "members":
        raise bad_request(SYNCHRONISED)
    if group.get("isAssignableToRole") is True:
        require_over_group(linking.app)
    if linking.relation.name == "owners":
        _check_owner(linking)
    else:
        _check_member(linking)


def _check_owner(linking: Linking) -> None:
    if linking.adds:
        if linking.directory.live(GROUPS, linking.target) is not None:
            raise bad_request("A group cannot be the owner of a group.")
        return
    owners = [end for end, _ in linking.directory.existing_links(linking.kind, linking.id, linking.relation)]
    users = [end for end in owners if linking.directory.live(USERS, end) is not None]
    if users == [linking.target] and (len(owners) == 1 or linking.start.get("isAssignableToRole") is not True):
        raise bad_request("The group must have at least one owner, hence this owner cannot be removed.")


def _check_member(linking: Linking) -> None:
    for kind, needed in _MEMBER_PERMISSIONS.items():
        if linking.directory.live(kind, linking.target) is not None and not linking.app.may(needed):
            raise denied()
    if _dynamic(linking.start):
        raise denied()
    if not linking.adds or not _unified(linking.start):
        return
    member_group = linking.directory.live(GROUPS, linking.target)
    if member_group is not None:
        raise bad_request(
            "Unified Groups cannot be added to Unified Groups. paramName: Members, paramValue: , objectType: "
        )
    user = linking.directory.live(USERS, linking.target)
    if user is None:
        raise bad_request("Only users can be members of a Unified Group.")
    if user.properties().get("userType") == "Guest" and _keeps_guests_out(linking):
        raise Refused(403, "Authorization_RequestDenied", _NO_GUESTS)


def _settings(directory: Directory, group: str) -> list[dict[str, object]]:
    relation = GROUPS.relation("settings")
    links = directory.existing_links(GROUPS, group, relation) if relation else []
    return [json.loads(value) for _, value in links]


def _keeps_guests_out(linking: Linking) -> bool:
    """Return whether a group's own setting, or else that of the directory, keeps guests out."""
    directory_wide = (stored.properties() for _, stored in linking.directory.walk(SETTINGS_OF_ALL))
    for setting in _settings(linking.directory, linking.id) or directory_wide:
        values = setting.get("values")
        for value in values if isinstance(values, list) else ():
            if value.get("name") == "AllowToAddGuests" and str(value.get("value")).lower() == "false":
                return True
    return False


def _check_removal(removal: Removal) -> None:
    require_over_unit(removal.directory, removal.app, removal.id)
    if _of_exchange(removal.value):
        raise bad_request(_EXCHANGE)
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
    unique=(Unique("uniqueName", in_bin=True), Unique("mailNickname", in_bin=True, applies=_unified)),
    checks=(
        *(_check_unit, _check_source, _check_type, check_name, _check_nickname, _check_dynamic),
        *(_check_role_assignable, _check_visibility),
    ),
    defaults=_defaults,
    derived=_derived,
    stored=_stored,
    linking=(_check_link,),
    removing=(_check_removal,),
    linked=follow_membership,
    removed=follow_group,
    restored=follow_group,
    actions={"assignLicense": assign_to_group},
)


def _check_only_setting(change: Change) -> None:
    """Refuse a second setting of one template in a group."""
    if change.creates:
        for other in _settings(change.directory, change.owner):
            if other.get("templateId") == change.given["templateId"]:
                raise bad_request(CONFLICT)


SETTINGS = Rules(
    required=("templateId", "values"),
    create_only=frozenset(("templateId",)),
    blank=True,
    checks=(_check_only_setting,),
    defaults=lambda _: {"displayName": "Group.Unified.Guest"},
)
