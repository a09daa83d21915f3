"""Enforce one tenant per directory, and report connections in the installation's own audit chain."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, func, select

from shared.adapters.catalog.audit import append
from shared.adapters.catalog.schema import secrets, tenants, withheld_directories
from shared.adapters.catalog.tenancy import Changes
from shared.domain.audit import INSTALLATION, Action, Plain
from shared.domain.errors import Code, Refuse
from shared.domain.model import KeyMode, Tenant


def refuse_taken(connection: Connection, name: str, directory_id: str, *, readd: bool) -> None:
    """Raise Refuse unless a tenant of this name may be connected to this directory. Ids are compared without case.

    - ``TENANT_EXISTS``: the name is taken.
    - ``DIRECTORY_EXISTS``: the directory has a tenant.
    - ``DIRECTORY_WITHHELD``: the directory had a tenant under its owner's KMS key, and ``readd`` does not confirm
      that it is connected again.
    """
    if connection.execute(select(tenants.c.name).where(tenants.c.name == name)).first():
        raise Refuse(Code.TENANT_EXISTS, f"There is a tenant {name} already; choose another name, or update it.")
    connected = _tenants_of(connection, directory_id)
    if connected:
        raise _exists(directory_id, connected[0]["name"])
    withheld = withheld_since(connection, directory_id)
    if withheld is not None and not readd:
        raise Refuse(
            Code.DIRECTORY_WITHHELD,
            f"The directory {directory_id} was backed up as the tenant {withheld['name']}, under its owner's KMS key "
            f"{withheld['key_arn']}. A new tenant starts under the operator's key, which that owner cannot revoke. Ask the "
            "owner, then repeat the command with --again.",
        )


def refuse_second(rows: Changes, tenant: RowMapping) -> None:
    """Raise Refuse ``DIRECTORY_EXISTS`` if another tenant of the directory is connected and this one is not.

    A tenant that a rebuild brought back has no credential until it is connected again.
    """
    if rows.find(secrets):
        return
    others = [row for row in _tenants_of(rows.connection, tenant["directory_id"]) if row["tenant_id"] != rows.tenant_id]
    credentials = select(secrets.c.tenant_id).where(secrets.c.tenant_id.in_([row["tenant_id"] for row in others]))
    connected = set(rows.connection.execute(credentials).scalars())
    for other in others:
        if other["tenant_id"] in connected:
            raise _exists(tenant["directory_id"], other["name"])


def claim_of(connection: Connection, directory_id: str) -> str | None:
    """Return the value with which a new row claims the directory, or None if another tenant claims it."""
    claim = directory_id.lower()
    claimed = select(tenants.c.tenant_id).where(tenants.c.claimed_directory == claim)
    return None if connection.execute(claimed).first() else claim


def pass_claim_on(connection: Connection, directory_id: str) -> None:
    """Give the directory's claim to its oldest remaining tenant, if no tenant has it."""
    connected = _tenants_of(connection, directory_id)
    if connected and all(row["claimed_directory"] is None for row in connected):
        heir = tenants.c.tenant_id == connected[0]["tenant_id"]
        connection.execute(tenants.update().where(heir).values(claimed_directory=directory_id.lower()))


def withheld_since(connection: Connection, directory_id: str) -> RowMapping | None:
    """Return the row of the directory's last tenant that was removed under its owner's key, or None."""
    query = select(withheld_directories).where(withheld_directories.c.directory_id == directory_id.lower())
    return connection.execute(query.order_by(withheld_directories.c.removed_at.desc()).limit(1)).mappings().first()


def withhold(rows: Changes, tenant: RowMapping) -> None:
    """Record the directory of a tenant that is removed under its owner's key."""
    if tenant["key_mode"] == KeyMode.CUSTOMER and rows.one(withheld_directories) is None:
        rows.insert(
            withheld_directories,
            name=tenant["name"],
            directory_id=tenant["directory_id"].lower(),
            key_arn=tenant["key_arn"],
            removed_at=rows.now,
        )


def report_added(rows: Changes, tenant: Tenant, withheld: RowMapping | None) -> None:
    """Append to the installation's chain that a directory was connected, and that it was added again with consent."""
    detail = {"name": tenant.name, "directory_id": tenant.directory_id}
    report(rows, Action.TENANT_ADDED, {"tenant": tenant.tenant_id}, {**detail, "arn": tenant.key_arn})
    if withheld is not None:
        subject = {"tenant": tenant.tenant_id, "former": withheld["tenant_id"]}
        former = {"former_name": withheld["name"], "former_arn": withheld["key_arn"]}
        report(rows, Action.DIRECTORY_ADDED_AGAIN, subject, {**detail, **former})


def report(rows: Changes, action: Action, subject: dict[str, str | None], detail: dict[str, Plain]) -> None:
    """Append an event to the installation's chain, after every event that this transaction appends to a tenant's chain.

    Lock order: a tenant's head first, the installation's last. Concurrent appends serialise and cannot deadlock.
    """
    chain = Changes(rows.connection, INSTALLATION, rows.now, rows.actor)
    append(chain, action, subject, detail)


def _tenants_of(connection: Connection, directory_id: str) -> Sequence[RowMapping]:
    """Return the directory's tenants, the oldest first."""
    query = select(tenants).where(func.lower(tenants.c.directory_id) == directory_id.lower())
    return connection.execute(query.order_by(tenants.c.created_at, tenants.c.tenant_id)).mappings().all()


def _exists(directory_id: str, name: str) -> Refuse:
    """Return the refusal ``DIRECTORY_EXISTS``."""
    sentence = f"The directory {directory_id} is connected already, as the tenant {name}: one directory is one tenant."
    return Refuse(Code.DIRECTORY_EXISTS, sentence)
