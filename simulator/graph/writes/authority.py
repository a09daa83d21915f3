"""What an application may do to protected objects: directory roles that it holds (Graph: "Working with users")."""

from simulator.graph import raw_json
from simulator.graph.answers import Refused
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.kinds import DIRECTORY_ROLES, GROUPS, ROLE_ASSIGNMENTS, SERVICE_PRINCIPALS, UNITS

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
PRIVILEGED_AUTHENTICATION_ADMINISTRATOR = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
_OVER_ALL = frozenset((GLOBAL_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR))
_PRIVILEGED = frozenset(
    (
        GLOBAL_ADMINISTRATOR,
        PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
        PRIVILEGED_ROLE_ADMINISTRATOR,
        "c4e39bd9-1100-46d3-8c65-fb160da0071f",  # Authentication Administrator
        "194ae4cb-b126-40b2-bd5b-6091b380977d",  # Security Administrator
        "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",  # Conditional Access Administrator
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",  # Application Administrator
        "158c047a-c907-4556-b7ef-446551a6b5f7",  # Cloud Application Administrator
        "29232cdf-9323-42fd-ade2-1d097af3e4de",  # Exchange Administrator
        "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",  # SharePoint Administrator
        "3a2c62db-5318-420d-8d74-23affee5d9d5",  # Intune Administrator
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",  # Hybrid Identity Administrator
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",  # Helpdesk Administrator
        USER_ADMINISTRATOR,
    )
)
"""Roles whose holders are protected, by their template ids."""
_PASSWORDS = frozenset(("User-PasswordProfile.ReadWrite.All", "Directory.AccessAsUser.All"))
_ROLES = frozenset(("RoleManagement.ReadWrite.Directory",))


def denied(reason: str = "") -> Refused:
    """Return the 403 of an application without the needed permission or role."""
    return Refused(403, "Authorization_RequestDenied", f"Insufficient privileges to complete the operation.{reason}")


def roles_of(directory: Directory, app: App) -> set[tuple[str, str]]:
    """Return the roles that an application's service principal holds, as template id and scope."""
    principals = [key for key, _ in directory.with_value(SERVICE_PRINCIPALS, "appId", app.client_id)]
    return {assigned for principal in principals for assigned in _assigned(directory, principal)}


def require_over_user(directory: Directory, app: App, user: str, sensitive: bool) -> None:
    """Raise Refused (403) if a user is protected or in a restricted unit, and the application has no role over the user."""
    require_over_unit(directory, app, user)
    if app.permissions is None or not sensitive or not is_protected(directory, user):
        return
    if not _OVER_ALL & {role for role, scope in roles_of(directory, app) if scope == "/"}:
        raise denied()


def require_over_unit(directory: Directory, app: App, id: str) -> None:
    """Raise Refused (403) if an object is in a restricted unit over which the application has no role."""
    unit = "" if app.permissions is None else _restricted_unit(directory, id)
    if unit and not any(scope == f"/administrativeUnits/{unit}" for _, scope in roles_of(directory, app)):
        raise denied(" Target object is a member of a restricted management administrative unit.")


def require_password_role(directory: Directory, app: App) -> None:
    """Raise Refused (403) if an application may not set passwords: that needs a permission and a role."""
    if app.permissions is None:
        return
    if not app.may(_PASSWORDS):
        raise denied()
    everywhere = {role for role, scope in roles_of(directory, app) if scope == "/"}
    if not everywhere & (_OVER_ALL | {USER_ADMINISTRATOR}):
        raise denied()


def require_over_group(app: App) -> None:
    """Raise Refused (403) if an application may not write role-assignable groups."""
    if not app.may(_ROLES):
        raise denied()


def is_protected(directory: Directory, user: str) -> bool:
    """Return whether a user holds a privileged role, or is a member or owner of a role-assignable group."""
    if any(role in _PRIVILEGED for role, _ in _assigned(directory, user)):
        return True
    for path, start, relation in directory.starts(user):
        group = directory.live(GROUPS, start) if path == GROUPS.path and relation in ("members", "owners") else None
        if group is not None and raw_json.member(group.value, "isAssignableToRole") == b"true":
            return True
    return False


def _assigned(directory: Directory, principal: str) -> set[tuple[str, str]]:
    """Return the roles of a principal as template id and scope: by assignments, and as a member of directory roles."""
    assignments = (stored.properties() for _, stored in directory.referrers(ROLE_ASSIGNMENTS, "principalId", principal))
    roles = {(str(each.get("roleDefinitionId")), str(each.get("directoryScopeId", "/"))) for each in assignments}
    for path, start, _ in directory.starts(principal):
        role = directory.live(DIRECTORY_ROLES, start) if path == DIRECTORY_ROLES.path else None
        if role is not None:
            roles.add((str(role.properties().get("roleTemplateId")), "/"))
    return roles


def _restricted_unit(directory: Directory, target: str) -> str:
    for path, start, _ in directory.starts(target):
        unit = directory.live(UNITS, start) if path == UNITS.path else None
        if unit is not None and unit.properties().get("isMemberManagementRestricted") is True:
            return start
    return ""
