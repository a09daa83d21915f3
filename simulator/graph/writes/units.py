"""The rules of administrative units (Graph: "Create administrativeUnit", "Add a member")."""

from simulator.graph.answers import bad_request
from simulator.graph.kinds import DEVICES, GROUPS, USERS
from simulator.graph.writes.authority import PRIVILEGED_ROLE_ADMINISTRATOR, denied, roles_of
from simulator.graph.writes.rules import Change, Linking, Rules

_MOST_UNITS = 30


def _defaults(_: Change) -> dict[str, object]:
    absent = ("description", "membershipRule", "membershipRuleProcessingState", "membershipType", "visibility")
    return {"deletedDateTime": None, "isMemberManagementRestricted": False, **dict.fromkeys(absent)}


def _check_member(linking: Linking) -> None:
    """Raise Refused for a member of a dynamic unit, of another kind, or of too many (400), or of a restricted one (403)."""
    unit = linking.directory.live(linking.kind, linking.id)
    if linking.relation.name != "members" or unit is None:
        return
    if unit.properties().get("membershipType") == "Dynamic":
        raise bad_request("Members of a dynamic administrative unit follow its rule and cannot be changed.")
    if unit.properties().get("isMemberManagementRestricted") is True:
        _require_role(linking)
    if not linking.adds:
        return
    match = linking.directory.find_any(linking.target)
    if match is None or match[0] not in (USERS, GROUPS, DEVICES):
        raise bad_request("Only users, groups and devices can be members of an administrative unit.")
    units = [start for path, start, _ in linking.directory.starts(linking.target) if path == linking.kind.path]
    if len(units) >= _MOST_UNITS:
        raise bad_request(f"An object can be a member of at most {_MOST_UNITS} administrative units.")


def _require_role(linking: Linking) -> None:
    """Raise Refused (403) if the application may not choose the members of restricted units."""
    roles = roles_of(linking.directory, linking.app)
    if linking.app.permissions is not None and (PRIVILEGED_ROLE_ADMINISTRATOR, "/") not in roles:
        raise denied()


RULES = Rules(
    required=("displayName",),
    create_only=frozenset(("isMemberManagementRestricted",)),
    not_null=frozenset(("displayName",)),
    defaults=_defaults,
    linking=(_check_member,),
)
