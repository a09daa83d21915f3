"""Permission and licence checks: application permissions by kind and by relation (Graph permissions reference)."""

from simulator.graph.answers import Refused
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.kinds import (
    DIRECTORY_READ,
    DIRECTORY_WRITE,
    GROUPS,
    POLICIES,
    SERVICE_PRINCIPALS,
    USERS,
    Kind,
    Relation,
)

_NEEDS_P2 = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
_ATTRIBUTES_READ = frozenset(("CustomSecAttributeAssignment.Read.All", "CustomSecAttributeAssignment.ReadWrite.All"))
_MEMBERS_READ = frozenset(("Member.Read.Hidden", *GROUPS.read))
_MEMBERS_WRITE = frozenset(("GroupMember.ReadWrite.All", "Group.ReadWrite.All", *DIRECTORY_WRITE))


_ACTIONS = {"assignLicense": frozenset(("LicenseAssignment.ReadWrite.All",))}


def allow(app: App, kind: Kind, writes: bool, removes: bool = False) -> None:
    """Raise Refused (403) if an application may not read, or write, objects of a kind. A write may be a removal."""
    if kind.delegated:
        raise Refused(403, "AccessDenied", "The operation needs a signed-in user. Applications cannot perform it.")
    needed = kind.write if writes else kind.read
    _require_one(app, needed | kind.remove if removes else needed, kind)


def allow_action(app: App, kind: Kind, name: str) -> None:
    """Raise Refused (403) if an application may not call an action on objects of a kind."""
    _require_one(app, kind.write | _ACTIONS.get(name, frozenset()), kind)


def allow_related(app: App, kind: Kind, relation: Relation, writes: bool) -> None:
    """Raise Refused (403) if an application may not read, or write, a relation of objects of a kind."""
    content = relation.content
    if content is not None:
        _require_one(app, kind.read if kind is SERVICE_PRINCIPALS else content.read, kind)
        if writes:  # writing assignments also requires a permission to read
            _require_one(app, content.write, kind)
    elif relation.child is not None and relation.child.read:
        allow(app, relation.child, writes)
    elif kind is GROUPS:
        write = _MEMBERS_WRITE if relation.name == "members" else kind.write
        _require_one(app, write if writes else _MEMBERS_READ, kind)
    else:
        allow(app, kind, writes)


def allow_in_bin(app: App, kind: Kind, writes: bool) -> None:
    """Raise Refused (403) if an application may not read, or restore and purge, objects in the recycle bin."""
    allow(app, kind, writes, removes=writes)


def allow_any(app: App) -> None:
    """Raise Refused (403) if an application may not read directory objects of every kind."""
    _require_one(app, USERS.read | GROUPS.read | set(DIRECTORY_READ), None)


def hidden_from(app: App, kind: Kind) -> frozenset[str]:
    """Return the properties of a kind that Graph shows to an application as null, because it lacks the permission."""
    if app.may(_ATTRIBUTES_READ):
        return frozenset()
    return frozenset(("customSecurityAttributes",)).intersection(kind.properties)


def licensed(directory: Directory, kind: Kind, select: tuple[str, ...] | None = None) -> None:
    """Raise Refused if the directory has no licence for a kind, or for the properties to select."""
    licence = kind.licence or ("P1" if kind.premium.intersection(select or ()) else "")
    if licence and licence not in directory.licences:
        if licence == "P2" and kind.path.startswith("roleManagement/"):
            raise Refused(400, "AadPremiumLicenseRequired", _NEEDS_P2)
        message = "Neither tenant is B2C or tenant doesn't have premium license"
        raise Refused(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", message)


def _require_one(app: App, permissions: frozenset[str], kind: Kind | None) -> None:
    if app.may(permissions):
        return
    if kind is POLICIES:  # the service that stores policies has its own message
        message = "You cannot perform the requested operation, required scopes are missing in the token."
        raise Refused(403, "AccessDenied", message)
    raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
