"""What Graph keeps beside the record of a user, group, device or unit: sponsors, extensions, attributes, photos.

Delta tells of none of it. Some of it comes with a listing of its own or inside one, the rest takes a request for each
object; so all of it is read seldom. (Graph reference: openTypeExtension, onPremisesSyncBehavior, profilePhoto,
"customSecurityAttributes property".)
"""

from shared.domain.resources.restoring import LinkWrite, RestoreKind, Restoring
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Resource, Rhythm, Switch

_UNIFIED = "groupTypes/any(c:c eq 'Unified')"
_SYNCED = "onPremisesSyncEnabled eq true"
_MAIL = "allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients isSubscribedByMail"
_OWNERS = {
    "users": ("/users", "identity", "User"),
    "groups": ("/groups", "identity", "Group"),
    "devices": ("/devices", "devices", "Device"),
    "administrativeUnits": ("/directory/administrativeUnits", "roles-pim", "AdministrativeUnit"),
}
"""Path, family and name in permissions of the objects with open extensions."""


def _not_written(*catches: str) -> Restoring:
    """Return the restore part of records that a restore leaves to an administrator."""
    return Restoring(
        kind=RestoreKind.NEVER, stage=0, brief="shown for an administrator, not written yet", catches=catches
    )


def _in_a_request_of_its_own(name: str) -> Restoring:
    """Return the restore part of a property of users that Graph takes alone, with a permission of its own."""
    return Restoring(
        kind=RestoreKind.SINGLETON,
        stage=8,
        item="/users/{id}",
        writable=(name,),
        whole=(name,),
        alone=(name,),
        permissions=("User.ReadWrite.All",),
        catches=("Values that were added after the snapshot stay.",),
    )


def _extensions(owner: str) -> Row:
    """Return the row of the open extensions of objects."""
    path, family, permission = _OWNERS[owner]
    return below(
        Resource(
            resource=f"{owner}.extensions",
            family=family,
            path=f"{path}/{{id}}/extensions",
            permission_read=f"{permission}.Read.All",
            permission_write=f"{permission}.ReadWrite.All",
            licence="P1" if owner == "administrativeUnits" else "none",
            properties=("@odata.type", "id", "extensionName"),
            restoring=_not_written("Applications keep values of their own in extensions; each has its own properties."),
        ),
        Children(owner=owner, segment="extensions", links=False, expanded=True),
        owners=path,
        rhythm=Rhythm.SELDOM,
        paged=True,
    )


def _own_listing(name: str, permission: str, licence: str = "none", switch: Switch = Switch.STANDARD) -> Row:
    """Return the row of a property of users that has a permission of its own, and so a listing of its own."""
    return listed(
        Resource(
            resource=f"users.{name}",
            family="logs" if switch is Switch.OPTIONAL else "identity",
            path=f"/users?$select=id,{name}",
            permission_read=permission,
            permission_write="" if switch is Switch.OPTIONAL else permission.replace(".Read.", ".ReadWrite."),
            licence=licence,
            properties=("id", name),
            switch=switch,
            restoring=_not_written("Graph sets it.") if switch is Switch.OPTIONAL else _in_a_request_of_its_own(name),
        ),
        select=("id", name),
        needs=name,
        silent=switch is Switch.STANDARD,
        top=500,
        rhythm=Rhythm.SELDOM,
    )


def _of_sync(owner: str, kind: str) -> Row:
    """Return the row of whether synchronised objects were turned over to the cloud."""
    permission = f"{kind}-OnPremisesSyncBehavior.ReadWrite.All"
    return below(
        Resource(
            resource=f"{owner}.onPremisesSyncBehavior",
            family="identity",
            path=f"/{owner}/{{id}}/onPremisesSyncBehavior",
            permission_read=permission,
            permission_write=permission,
            licence="none",
            properties=("id", "isCloudManaged"),
            switch=Switch.OPTIONAL,
            warning="Graph demands a permission to write even to read it.",
            restoring=_not_written("It decides whether the cloud or the local directory is the source of the object."),
        ),
        Children(owner=owner, segment="onPremisesSyncBehavior", links=False, to_one=True, filter=_SYNCED),
        owners=f"/{owner}",
        rhythm=Rhythm.SELDOM,
        paged=True,
    )


def _of_user(
    segment: str, name: str, permission: str, write: str, switch: Switch, api: str, *, to_one: bool = False
) -> Row:
    """Return the row of what takes one request for each user."""
    return below(
        Resource(
            resource=f"users.{name}",
            family="security-info",
            path=f"/users/{{id}}/{segment}",
            permission_read=permission,
            permission_write=write,
            licence="none",
            api=api,
            switch=switch,
            warning="It takes one request for each user.",
            restoring=_not_written("Passwords, keys and authenticators never leave Graph, so they cannot return."),
        ),
        Children(owner="users", segment=segment, links=False, to_one=to_one, name=name),
        owners="/users",
        rhythm=Rhythm.SELDOM,
        bucket="reports" if name == "authenticationMethods" else "directory",
        paged=not to_one,
    )


ROWS = (
    below(
        Resource(
            resource="users.sponsors",
            family="identity",
            path="/users/{id}/sponsors",
            permission_read="User.Read.All",
            permission_write="User.ReadWrite.All",
            licence="none",
            restoring=Restoring(
                kind=RestoreKind.LINK,
                stage=7,
                link=LinkWrite(add="/users/{owner}/sponsors/$ref", remove="/users/{owner}/sponsors/{id}/$ref"),
                brief="at most 5",
                catches=("A user has at most 5 sponsors, which are users or groups.",),
            ),
        ),
        Children(owner="users", segment="sponsors", links=True, expanded=True),
        owners="/users",
        rhythm=Rhythm.SELDOM,
        paged=True,
    ),
    *map(_extensions, _OWNERS),
    _own_listing("customSecurityAttributes", "CustomSecAttributeAssignment.Read.All"),
    _own_listing("employeeLeaveDateTime", "User-LifeCycleInfo.Read.All", "Governance"),
    _own_listing("signInActivity", "AuditLog.Read.All", "P1", Switch.OPTIONAL),
    _of_sync("users", "User"),
    _of_sync("groups", "Group"),
    below(
        Resource(
            resource="groups.settings",
            family="tenant-settings",
            path="/groups/{id}/settings",
            permission_read="GroupSettings.Read.All",
            permission_write="GroupSettings.ReadWrite.All",
            licence="P1",
            properties=("id", "displayName", "templateId", "values"),
            restoring=_not_written("They override groupSettings for one group."),
        ),
        Children(owner="groups", segment="settings", links=False, filter=_UNIFIED),
        owners="/groups",
        rhythm=Rhythm.SELDOM,
        paged=True,
    ),
    below(
        Resource(
            resource="groups.mailSettings",
            family="identity",
            path=f"/groups/{{id}}?$select={_MAIL.replace(' ', ',')}",
            permission_read="Group.Read.All",
            permission_write="Group.ReadWrite.All",
            licence="none",
            properties=tuple(_MAIL.split()),
            switch=Switch.OPTIONAL,
            warning="It takes one request for each Microsoft 365 group.",
            restoring=_not_written("Exchange keeps these settings."),
        ),
        Children(owner="groups", segment="mailSettings", links=False, detail=tuple(_MAIL.split()), filter=_UNIFIED),
        owners="/groups",
        rhythm=Rhythm.SELDOM,
        paged=True,
    ),
    below(
        Resource(
            resource="users.photo",
            family="identity",
            path="/users/{id}/photo/$value",
            permission_read="ProfilePhoto.Read.All",
            permission_write="ProfilePhoto.ReadWrite.All",
            licence="none",
            properties=("contentType", "contentBytes"),
            switch=Switch.OPTIONAL,
            warning="It takes one request for each user.",
            restoring=_not_written("A photo is uploaded by hand."),
        ),
        Children(owner="users", segment="photo/$value", links=False, binary=True, name="photo"),
        owners="/users",
        rhythm=Rhythm.SELDOM,
    ),
    _of_user(
        "authentication/methods",
        "authenticationMethods",
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite.All",
        Switch.OPTIONAL,
        "v1.0",
    ),
    _of_user(
        "authentication/requirements",
        "authenticationRequirements",
        "Policy.Read.All",
        "Policy.ReadWrite.AuthenticationMethod",
        Switch.BETA,
        "beta",
        to_one=True,
    ),
    _of_user(
        "authentication/signInPreferences",
        "signInPreferences",
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite.All",
        Switch.BETA,
        "beta",
        to_one=True,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
