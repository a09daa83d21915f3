"""Who may ask for what: application permissions by kind and by relation (Graph permissions reference)."""

from simulator.graph.answers import Refused
from simulator.graph.kinds import DIRECTORY_READ, DIRECTORY_WRITE, GROUPS, POLICIES, USERS, Kind

_MEMBERS_READ = frozenset(("Member.Read.Hidden", *GROUPS.read))
_MEMBERS_WRITE = frozenset(("GroupMember.ReadWrite.All", "Group.ReadWrite.All", *DIRECTORY_WRITE))


def needed(kind: Kind, writes: bool, relation: str = "", in_bin: bool = False) -> frozenset[str]:
    """The permissions of which one is enough."""
    if kind is GROUPS and relation:
        return _MEMBERS_WRITE if writes and relation == "members" else kind.write if writes else _MEMBERS_READ
    if kind is USERS and in_bin and writes:
        return kind.write | {"User.DeleteRestore.All"}
    return kind.write if writes else kind.read


def of_directory(writes: bool) -> frozenset[str]:
    """What reaches directory objects of every kind."""
    return frozenset(DIRECTORY_WRITE if writes else DIRECTORY_READ)


def refusal(kind: Kind | None) -> Refused:
    """403 as the service behind a kind words it."""
    if kind is POLICIES:
        message = "You cannot perform the requested operation, required scopes are missing in the token."
        return Refused(403, "AccessDenied", message)
    return Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
