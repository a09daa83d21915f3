"""Check a tenant's applications: what Graph lets one read, and the other write."""

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from shared.domain.errors import Answer
from shared.domain.model import Tenant
from shared.domain.resources import RESOURCES, Resource, Stream
from shared.domain.resources.advice import reading_advice
from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.engine.context import Context
from shared.engine.keys.credentials import source_for
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.restore.connection import connected, restore_identity
from shared.engine.restore.directory_facts import DirectoryFacts
from shared.engine.tenants.probing import probed
from shared.ports.catalog.tenant import TenantCatalog

_ROLES = {
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
}
"""The template ids of directory roles by name."""
_INCLUDED = {"User Administrator": ("Privileged Authentication Administrator",)}
"""Other roles that allow what a role of the table is needed for. Global Administrator allows everything."""


class MayWrite(StrEnum):
    """Whether an application may write a resource."""

    ALLOWED = "allowed"
    """The application has every permission and directory role that it may need."""
    PARTLY = "partly"
    """The application lacks what some records or properties need."""
    FORBIDDEN = "forbidden"
    """The application lacks a permission, so Graph refuses every write."""
    ADMINISTRATOR = "administrator"
    """Graph lets only people write it."""
    NEVER = "never"
    """Graph offers no way to write it."""
    UNKNOWN = "unknown"
    """The token does not name the application's permissions."""


class CheckedResource(msgspec.Struct, frozen=True, kw_only=True):
    """What an application may do with a resource."""

    resource: str
    answer: Answer | MayWrite
    permission: str
    """The permission that it needs."""
    detail: str = ""
    """What is missing, and who must add it, as sentences."""


class _Rights(msgspec.Struct, frozen=True):
    """The rights of the restoring application. A right is None if it is not known."""

    permissions: frozenset[str] | None
    roles: frozenset[str] | None


def check_reading(context: Context, tenant: Tenant) -> list[CheckedResource]:
    """Return how Graph lets each resource be read, by small concurrent requests. Raise the errors of sign-in and KMS."""
    catalog = context.catalog.tenant(tenant.tenant_id)
    with ProcessKeys(context, catalog) as keys:
        return reading_checks(context, catalog, keys, keys.check)


def check_writing(context: Context, tenant: Tenant) -> list[CheckedResource]:
    """Check what the restoring application may write, without writing. Return the result for each resource.

    Raise Refuse ``NO_RESTORE_IDENTITY``, and the errors of sign-in and KMS.
    """
    catalog = context.catalog.tenant(tenant.tenant_id)
    with ProcessKeys(context, catalog) as keys:
        return writing_checks(context, catalog, keys, keys.check)


def reading_checks(
    context: Context, catalog: TenantCatalog, keys: ProcessKeys, check: Callable[[], None]
) -> list[CheckedResource]:
    """Return as ``check_reading`` does, with these data keys. ``check`` raises if the work must stop."""
    choice = catalog.tenant().choice
    answers = asyncio.run(_probe(context, catalog, keys, check, choice.streams()))
    return [_reading(row, answers.get(row.stream, Answer.SWITCHED_OFF)) for row in RESOURCES.values()]


def writing_checks(
    context: Context, catalog: TenantCatalog, keys: ProcessKeys, check: Callable[[], None]
) -> list[CheckedResource]:
    """Return as ``check_writing`` does, with these data keys. ``check`` raises if the work must stop."""
    with asyncio.Runner() as runner:
        identity = restore_identity(catalog, keys)
        target = runner.run(connected(context, identity, check))
        try:
            permissions = runner.run(target.permissions())
            rights = _Rights(permissions, DirectoryFacts(runner, target, identity.client_id).own_roles())
        finally:
            runner.run(target.close())
    return [_writing(row, row.restoring, rights) for row in RESOURCES.values() if row.restoring is not None]


async def _probe(
    context: Context, catalog: TenantCatalog, keys: ProcessKeys, check: Callable[[], None], streams: Sequence[Stream]
) -> dict[str, Answer]:
    """Return what Graph answers to a small request for each of these streams."""
    source = source_for(context, catalog, keys, check)
    try:
        return await probed(source, streams)
    finally:
        await source.close()


def _reading(row: Resource, answer: Answer) -> CheckedResource:
    """Return what an answer of Graph says about reading a resource."""
    detail = reading_advice(answer, row)
    return CheckedResource(resource=row.resource, answer=answer, permission=row.permission_read, detail=detail)


def _writing(row: Resource, restoring: Restoring, rights: _Rights) -> CheckedResource:
    """Return what an application with these rights may write of a resource."""
    answer, detail = _allowed(row, restoring, rights)
    return CheckedResource(resource=row.resource, answer=answer, permission=row.permission_write, detail=detail)


def _allowed(row: Resource, restoring: Restoring, rights: _Rights) -> tuple[MayWrite, str]:
    """Return whether a resource may be written, and what is missing."""
    if restoring.kind is RestoreKind.ADMINISTRATOR:
        place = f" {restoring.place}" if restoring.place else ""
        reason = restoring.by_hand or "Graph lets only people write it"
        return MayWrite.ADMINISTRATOR, f"{reason}: an administrator sets it{place}."
    if restoring.kind is RestoreKind.NEVER:
        return MayWrite.NEVER, "Graph offers no way to write it."
    if rights.permissions is None:
        return MayWrite.UNKNOWN, "The token does not name the application's permissions: look them up in Entra."
    if row.permission_write not in rights.permissions:
        return MayWrite.FORBIDDEN, f"Grant {row.permission_write} to the application that restores."
    lacking = [each for each in row.permissions_to_restore if each not in rights.permissions]
    sentences = [f"For some of it, grant {_joined(lacking)} too."] if lacking else []
    roles = _missing_roles(restoring, rights.roles)
    if roles:
        sentences.append(f"For some of it, assign the directory role {_joined(roles)} to the application too.")
    return (MayWrite.PARTLY if sentences else MayWrite.ALLOWED), " ".join(sentences)


def _missing_roles(restoring: Restoring, own: frozenset[str] | None) -> list[str]:
    """Return the names of the directory roles that the application lacks; all of them if its own are not known."""
    if own is None:
        return list(restoring.roles)
    own_names = {name for name, template in _ROLES.items() if template in own}
    return [
        name for name in restoring.roles if not own_names & {name, "Global Administrator", *_INCLUDED.get(name, ())}
    ]


def _joined(names: list[str]) -> str:
    """Return names as part of a sentence."""
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
