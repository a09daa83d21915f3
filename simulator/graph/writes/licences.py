"""Licences of users and groups, and their seats (Graph: "assignLicense").

A user holds a licence directly, through groups, or both. One seat is taken either way. A licence through a group is present
as long as the group and the membership are; without a free seat it is an error among the user's assignment states.
"""

import json

from simulator.graph import raw_json
from simulator.graph.answers import Answer, bad_request
from simulator.graph.directory import Directory
from simulator.graph.entities import entity
from simulator.graph.kinds import GROUPS, SUBSCRIBED_SKUS, USERS, Kind
from simulator.graph.selecting import shown
from simulator.graph.stored import State
from simulator.graph.writes.body import body_of
from simulator.graph.writes.rules import Call, Linking, Removal

Licences = dict[str, list[str]]
"""Disabled plans by SKU."""


def assign_to_user(call: Call) -> Answer:
    """Assign licences to a user directly, and remove them. Return 200 with the user."""
    user = call.stored.properties()
    added, removed = _requested(call)
    if added and not user.get("usageLocation"):
        raise bad_request("License assignment cannot be done for user with invalid usage location.")
    direct, inherited = _direct(user), _inherited(call.directory, call.id)
    for sku in removed:
        if sku not in direct:
            raise bad_request(
                "User license is inherited from a group membership and it cannot be removed directly from the user."
                if sku in inherited
                else "User does not have a corresponding license."
            )
    for sku in set(added) - set(_skus(user)) - set(removed):
        if _free_seats(call.directory, sku) < 1:
            raise bad_request(f"Subscription with SKU {sku} does not have any available licenses.")
    direct = {sku: plans for sku, plans in (direct | added).items() if sku not in removed}
    _apply(call.directory, call.id, user, direct)
    stored = call.directory.live(USERS, call.id) or call.stored
    return entity(call.request, USERS.path, shown(USERS, stored, None))


def assign_to_group(call: Call) -> Answer:
    """Assign licences to a group, and remove them. Return 202 with the group. Its members get or lose them at once."""
    added, removed = _requested(call)
    licences = _listed(call.stored.properties())
    for sku in removed:
        if sku not in licences:
            raise bad_request("Group does not have a corresponding license.")
    licences = {sku: plans for sku, plans in (licences | added).items() if sku not in removed}
    processed = {"state": "ProcessingComplete"}
    _write(call.directory, GROUPS, call.id, {"assignedLicenses": _list(licences), "licenseProcessingState": processed})
    _settle_members(call.directory, call.id)
    stored = call.directory.live(GROUPS, call.id) or call.stored
    return entity(call.request, GROUPS.path, shown(GROUPS, stored, None), 202)


def follow_membership(linking: Linking) -> None:
    """Give a licensed group's licences to a new member, or take them from a removed one."""
    group = linking.directory.live(GROUPS, linking.id)
    if linking.relation.name == "members" and group is not None and _listed(group.properties()):
        _settle_user(linking.directory, linking.target)


def follow_group(removal: Removal) -> None:
    """Take a deleted group's licences from its members, or give them back after a restore."""
    if _listed(removal.value):
        _settle_members(removal.directory, removal.id)


def release_seats(removal: Removal) -> None:
    """Release the seats of a deleted user."""
    for sku in _skus(removal.value):
        _count(removal.directory, sku, -1)


def take_seats(removal: Removal) -> None:
    """Take the seats of a restored user again. Licences without a free seat are lost."""
    user = {**removal.value, "assignedLicenses": []}
    direct = {sku: plans for sku, plans in _direct(removal.value).items() if _free_seats(removal.directory, sku) > 0}
    _apply(removal.directory, removal.id, user, direct)


def _settle_members(directory: Directory, group: str) -> None:
    """Update the licences of a group's members."""
    relation = GROUPS.relation("members")
    for target, _ in directory.existing_links(GROUPS, group, relation) if relation else ():
        _settle_user(directory, target)


def _settle_user(directory: Directory, id: str) -> None:
    stored = directory.live(USERS, id)
    if stored is not None:
        user = stored.properties()
        _apply(directory, id, user, _direct(user))


def _apply(directory: Directory, id: str, user: dict[str, object], direct: Licences) -> None:
    """Store a user's licences: those assigned directly and those of groups, as far as there are seats."""
    when = directory.clock.text()
    previous = set(_skus(user))
    licences = dict(direct)
    states = [_state(sku, plans, None, when) for sku, plans in direct.items()]
    for sku, groups in _inherited(directory, id).items():
        seated = sku in licences or sku in previous or _free_seats(directory, sku) > 0
        for group, plans in groups.items():
            states.append(_state(sku, plans, group, when, "" if seated else "CountViolation"))
            if seated:
                licences.setdefault(sku, plans)
    for sku in previous ^ set(licences):
        _count(directory, sku, 1 if sku in licences else -1)
    _write(directory, USERS, id, {"assignedLicenses": _list(licences), "licenseAssignmentStates": states})


def _requested(call: Call) -> tuple[Licences, list[str]]:
    body = body_of(call.request)
    added, removed = body.get("addLicenses"), body.get("removeLicenses")
    for name, value in (("addLicenses", added), ("removeLicenses", removed)):
        if not isinstance(value, list):
            raise bad_request(
                "One or more parameters of the operation 'assignLicense' are missing from the request payload. "
                f"The missing parameters are: {name}."
            )
    licences = _listed({"assignedLicenses": added})
    for sku in licences:
        if _sku(call.directory, sku) is None:
            raise bad_request(f"License {sku} does not correspond to a valid company License.")
    return licences, [str(sku) for sku in removed] if isinstance(removed, list) else []


def _dicts(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _listed(value: dict[str, object]) -> Licences:
    """Return the licences in `assignedLicenses`."""
    licences: Licences = {}
    for each in _dicts(value.get("assignedLicenses")):
        plans = each.get("disabledPlans")
        licences[str(each.get("skuId"))] = [str(plan) for plan in plans] if isinstance(plans, list) else []
    return licences


def _list(licences: Licences) -> list[dict[str, object]]:
    return [{"disabledPlans": plans, "skuId": sku} for sku, plans in licences.items()]


def _skus(user: dict[str, object]) -> list[str]:
    """Return the SKUs in `assignedLicenses`."""
    return list(_listed(user))


def _direct(user: dict[str, object]) -> Licences:
    """Return the licences that a user does not hold through groups alone."""
    states = _dicts(user.get("licenseAssignmentStates"))
    through_groups = {str(state.get("skuId")) for state in states if state.get("assignedByGroup") is not None}
    direct = {str(state.get("skuId")) for state in states if state.get("assignedByGroup") is None}
    return {sku: plans for sku, plans in _listed(user).items() if sku in direct or sku not in through_groups}


def _inherited(directory: Directory, user: str) -> dict[str, dict[str, list[str]]]:
    """Return the disabled plans of licences that a user has through groups, by SKU and group."""
    inherited: dict[str, dict[str, list[str]]] = {}
    for path, group, relation in directory.starts(user, USERS):
        stored = directory.live(GROUPS, group) if (path, relation) == (GROUPS.path, "members") else None
        licensed = stored is not None and raw_json.member(stored.value, "assignedLicenses") is not None
        for sku, plans in _listed(stored.properties()).items() if stored and licensed else ():
            inherited.setdefault(sku, {})[group] = plans
    return inherited


def _state(sku: str, plans: list[str], group: str | None, when: str, error: str = "") -> dict[str, object]:
    return {
        "skuId": sku,
        "assignedByGroup": group,
        "state": "Error" if error else "Active",
        "error": error or "None",
        "disabledPlans": plans,
        "lastUpdatedDateTime": when,
    }


def _sku(directory: Directory, sku: str) -> tuple[str, dict[str, object]] | None:
    """Return the key and the properties of a product, or None if the directory has not bought it."""
    for key, stored in directory.with_value(SUBSCRIBED_SKUS, "skuId", sku):
        if stored.state is State.LIVE:
            return key, stored.properties()
    return None


def _free_seats(directory: Directory, sku: str) -> int:
    """Return the number of free seats. A product that the directory does not list always has one."""
    product = _sku(directory, sku)
    units = product[1].get("prepaidUnits") if product else None
    if product is None or not isinstance(units, dict):
        return 1
    return int(units.get("enabled", 0)) + int(units.get("warning", 0)) - int(str(product[1].get("consumedUnits", 0)))


def _count(directory: Directory, sku: str, change: int) -> None:
    product = _sku(directory, sku)
    if product is not None:
        consumed = int(str(product[1].get("consumedUnits", 0))) + change
        _write(directory, SUBSCRIBED_SKUS, product[0], {"consumedUnits": max(0, consumed)})


def _write(directory: Directory, kind: Kind, id: str, values: dict[str, object]) -> None:
    directory.update(kind, id, json.dumps(values).encode(), to_the_letter=False)
