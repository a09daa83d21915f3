"""What a deletion takes along, and what keeps an object in the recycle bin (Graph: "Restore deleted item")."""

from simulator.graph.answers import Refused, bad_request
from simulator.graph.kinds import APPLICATIONS, GROUPS, SERVICE_PRINCIPALS, USERS
from simulator.graph.stored import State
from simulator.graph.writes.checking import conflict
from simulator.graph.writes.rules import Removal


def delete_service_principal(removal: Removal) -> None:
    """Delete the service principal of a deleted application."""
    app_id = str(removal.value.get("appId"))
    for key, stored in list(removal.directory.with_value(SERVICE_PRINCIPALS, "appId", app_id)):
        if stored.state is State.LIVE:
            removal.directory.remove(SERVICE_PRINCIPALS, key)


def refuse_with_successor(removal: Removal) -> None:
    """Refuse to restore a service principal while another one has its appId (409)."""
    app_id = str(removal.value.get("appId"))
    for _, stored in removal.directory.with_value(SERVICE_PRINCIPALS, "appId", app_id):
        if stored.state is State.LIVE:
            raise name_in_use(app_id)


def refuse_without_application(removal: Removal) -> None:
    """Refuse to restore a service principal whose application was purged (400)."""
    app_id = str(removal.value.get("appId"))
    purged = not any(removal.directory.with_value(APPLICATIONS, "appId", app_id))
    if purged and removal.directory.was_used(APPLICATIONS, "appId", app_id):
        raise bad_request(
            f"The appId '{app_id}' of the service principal does not reference a valid application object."
        )


def refuse_taken_name(removal: Removal) -> None:
    """Refuse to restore a user whose name another user has now, unless the request gives a new name (400)."""
    name = str(removal.body.get("newUserPrincipalName") or removal.value.get("userPrincipalName"))
    for _, stored in removal.directory.with_value(USERS, "userPrincipalName", name):
        if stored.state is State.LIVE:
            raise conflict("userPrincipalName")


def refuse_taken_addresses(removal: Removal) -> None:
    """Refuse to restore a user with an address of another object, unless the request gives such addresses up (400)."""
    if removal.body.get("autoReconcileProxyConflict") is not True and taken_addresses(removal):
        raise conflict("proxyAddresses")


def taken_addresses(removal: Removal) -> list[str]:
    """Return the addresses of a deleted user that a live user or group has now."""
    addresses = removal.value.get("proxyAddresses")
    return [
        str(address)
        for address in (addresses if isinstance(addresses, list) else ())
        for kind in (USERS, GROUPS)
        for key, stored in removal.directory.with_value(kind, "proxyAddresses", str(address))
        if stored.state is State.LIVE and key != removal.id
    ]


def name_in_use(app_id: str) -> Refused:
    """Return the error for a second service principal of an application."""
    return Refused(
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        "The service principal cannot be created, updated, or restored because the service principal name "
        f"{app_id} is already in use.",
        details=[{"code": "ObjectConflict", "message": "The value is taken.", "target": "servicePrincipalNames"}],
    )
