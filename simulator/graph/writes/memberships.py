"""The rules of members and owners of groups (Graph: "Add members", "Remove owner")."""

from simulator.graph.answers import Refused, bad_request
from simulator.graph.kinds import DEVICES, DIRECTORY_WRITE, GROUPS, SERVICE_PRINCIPALS, USERS
from simulator.graph.kinds.tenant import SETTINGS
from simulator.graph.writes.authority import denied, require_over_group, require_over_unit
from simulator.graph.writes.group_settings import settings_of
from simulator.graph.writes.group_types import OF_EXCHANGE, is_dynamic, is_of_exchange, is_unified
from simulator.graph.writes.rules import Linking
from simulator.graph.writes.users import SYNCHRONISED

_MEMBER_PERMISSIONS = {
    DEVICES: frozenset(("Device.ReadWrite.All", *DIRECTORY_WRITE)),
    SERVICE_PRINCIPALS: frozenset(("Application.ReadWrite.All", *DIRECTORY_WRITE)),
}
"""Permissions that members of these kinds need beside those of the group; one of them is enough."""
_NO_GUESTS = "Guests users are not allowed to join this Unified Group due to policy setting."


def check_link(linking: Linking) -> None:
    """Raise Refused if a member or an owner cannot be added to a group, or removed from it."""
    if linking.relation.name not in ("members", "owners"):
        return
    require_over_unit(linking.directory, linking.app, linking.id)
    group = linking.start
    if is_of_exchange(group):
        raise bad_request(OF_EXCHANGE)
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
    if is_dynamic(linking.start):
        raise denied()
    if not linking.adds or not is_unified(linking.start):
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


def _keeps_guests_out(linking: Linking) -> bool:
    """Return whether a group's own setting, or else that of the directory, keeps guests out."""
    directory_wide = (stored.properties() for _, stored in linking.directory.walk(SETTINGS))
    for setting in settings_of(linking.directory, linking.id) or directory_wide:
        values = setting.get("values")
        for value in values if isinstance(values, list) else ():
            if value.get("name") == "AllowToAddGuests" and str(value.get("value")).lower() == "false":
                return True
    return False
