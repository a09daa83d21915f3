"""The rules of policies about other directories and about applications."""

from simulator.graph.answers import Refused, bad_request
from simulator.graph.kinds.partners import PARTNERS, SYNCHRONIZATIONS
from simulator.graph.writes.rules import Change, Removal, Rules

_PARTS = (
    "automaticUserConsentSettings",
    "b2bCollaborationInbound",
    "b2bCollaborationOutbound",
    "b2bDirectConnectInbound",
    "b2bDirectConnectOutbound",
    "inboundTrust",
    "isServiceProvider",
    "tenantRestrictions",
)


def _check_names(change: Change) -> None:
    """Raise Refused (400) for an unknown property, such as one in another spelling."""
    for name in change.given:
        if name not in change.kind.properties:
            message = f"The property '{name}' does not exist on type 'microsoft.graph.{change.kind.type}'."
            raise Refused(400, "BadRequest", message)


def _keep_synchronized(removal: Removal) -> None:
    if removal.directory.existing_links(PARTNERS, removal.id, SYNCHRONIZATIONS):
        raise bad_request("The identity synchronization of the partner must be deleted first.")


PARTNER = Rules(
    required=("tenantId",),
    create_only=frozenset(("tenantId",)),
    read_only=frozenset(("isInMultiTenantOrganization",)),
    names_itself="tenantId",
    checks=(_check_names,),
    defaults=lambda _: {**dict.fromkeys(_PARTS), "isInMultiTenantOrganization": False},
    removing=(_keep_synchronized,),
    blank=True,
)


def _check_once(change: Change) -> None:
    if change.creates and change.directory.existing_links(PARTNERS, change.owner, SYNCHRONIZATIONS):
        message = "Another object with the same value for property tenantId already exists."
        raise Refused(409, "Request_MultipleObjectsWithSameKeyValue", message)


SYNCHRONIZATION = Rules(
    names_itself="id", checks=(_check_once,), derived=lambda change: {"tenantId": change.owner}, blank=True
)


MEMBER = Rules(
    required=("tenantId",),
    create_only=frozenset(("displayName", "tenantId")),
    read_only=frozenset(("addedByTenantId", "addedDateTime", "joinedDateTime", "state", "transitionDetails")),
    names_itself="tenantId",
    checks=(_check_names,),
    defaults=lambda change: {
        "addedByTenantId": change.directory.id,
        "addedDateTime": change.directory.clock.precise(),
        "displayName": None,
        "joinedDateTime": None,
        "role": "member",
        "state": "pending",
    },
    blank=True,
)
"""Directories of a multitenant organization."""
ALONE = Rules(deletes=False, checks=(_check_names,), blank=True)
"""Policies and templates of which a directory has one."""
DEFAULT = Rules(
    deletes=False,
    read_only=frozenset(("isServiceDefault",)),
    checks=(_check_names,),
    derived=lambda _: {"isServiceDefault": False},
    blank=True,
)


def _check_prefix(change: Change) -> None:
    if change.id.startswith("microsoft-"):
        raise bad_request("A policy whose id begins with microsoft- is built in and cannot be changed.")


def _keep_built_in(removal: Removal) -> None:
    if removal.id.startswith("microsoft-"):
        raise bad_request("A policy whose id begins with microsoft- is built in and cannot be deleted.")


PERMISSION_GRANT = Rules(
    required=("displayName",),
    names_itself="id",
    checks=(_check_prefix,),
    defaults=lambda _: {"deletedDateTime": None, "description": None},
    removing=(_keep_built_in,),
    blank=True,
)
CONDITIONS = Rules(updates=False, blank=True)
"""Condition sets of permission grant policies, which are never changed."""
APP_MANAGEMENT = Rules(
    required=("displayName", "restrictions"), defaults=lambda _: {"description": None, "isEnabled": False}, blank=True
)
DEFAULT_APP_MANAGEMENT = Rules(
    read_only=frozenset(("description", "displayName")),
    not_null=frozenset(("isEnabled",)),
    creates=False,
    deletes=False,
    blank=True,
)
PRE_APPROVAL = Rules(required=("conditions",), blank=True)
"""Conditions under which applications are granted permissions without a question."""
