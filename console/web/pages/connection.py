"""The page of a tenant's connection: its applications, their credentials, and what Graph lets them do."""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import RedirectResponse, Response

from console.documents.completeness import by_family, family_words
from console.web import commands
from console.web.page import Page
from shared.domain.access import Action
from shared.domain.errors import Answer
from shared.domain.jobs import CheckedPermission, JobKind, TenantChecks
from shared.domain.resources import RESOURCES
from shared.domain.sign_in import SOON
from shared.engine.requests.jobs import request_tenant_check
from shared.ports.catalog.queries import JobFilter

if TYPE_CHECKING:
    from console.web.page import Ask, Form
    from shared.domain.model import Tenant

_LAST_CHECKS = 3
"""Checks that are looked at: the last one that ended, and one that runs."""
_READS, _RESTORES = "reads", "restores"
_SECRET, _CERTIFICATE = "client-secret", "certificate"


class Application(NamedTuple):
    """An application of the tenant."""

    client_id: str | None
    """Its id; None if the tenant has none."""
    expires_at: datetime | None
    """When its credential expires, if that is known."""
    state: str
    """``ok``, ``expiring``, ``expired`` or ``unknown``."""


class Row(NamedTuple):
    """What the applications may do with a resource."""

    resource: str
    family: str
    reading: CheckedPermission
    writing: CheckedPermission | None


class CommandFields(NamedTuple):
    """The fields from which the command to type is made."""

    use: str
    client_id: str
    credential: str
    file: str
    expires: str


def show(ask: "Ask") -> Page:
    """Show the connection of a tenant."""
    tenant = ask.of_tenant
    wanted = JobFilter(tenant_id=tenant.tenant_id, kinds=(JobKind.TENANT_CHECK,), limit=_LAST_CHECKS)
    jobs = [job for job, _ in ask.catalog.queries().jobs(wanted)]
    last = next((job for job in jobs if job.state.ended), None)
    checks = last.detail if last is not None and isinstance(last.detail, TenantChecks) else None
    rows = _rows(checks)
    fields = _fields(ask.query, tenant)
    values = {
        "path": f"/t/{tenant.name}/settings/connection",
        "reads": _application(tenant.client_id, tenant.sign_in_expires_at, ask.now),
        "restores": _application(tenant.restore_client_id, tenant.restore_expires_at, ask.now),
        "running": next((job for job in jobs if not job.state.ended), None),
        "last": last,
        "checked": checks is not None,
        "families": [(family_words(family), list(each)) for family, each in groupby(rows, key=lambda row: row.family)],
        "missing": _missing(rows),
        "may_check": ask.visitor.may(Action.CONNECTION_CHECK, tenant.tenant_id),
        "may_set": ask.visitor.may(Action.CONNECTION_SET, tenant.tenant_id),
        "fields": fields,
        "update_line": _update_line(tenant, fields),
        "owner_choice": tenant.choice,
        "chosen": len(tenant.choice.rows()),
        "known": len(RESOURCES),
        "lines": [commands.check_tenant(tenant.name), commands.check_tenant(tenant.name, restore=True)],
    }
    return Page(template="tenant/connection.html", values=values, fragment="live", polled=True)


def check(ask: "Ask") -> Response:
    """Request a check of the applications by a worker, and show the page again."""
    request_tenant_check(ask.catalog, ask.visitor.actor, ask.of_tenant.name)
    return RedirectResponse(f"/t/{ask.of_tenant.name}/settings/connection", 303)


def _application(client_id: str | None, expires_at: datetime | None, now: datetime) -> Application:
    """Return an application with the state of its credential."""
    if expires_at is None:
        return Application(client_id, None, "unknown")
    state = "expired" if expires_at <= now else "expiring" if expires_at < now + SOON else "ok"
    return Application(client_id, expires_at, state)


def _rows(checks: TenantChecks | None) -> list[Row]:
    """Return a row for each checked resource, by family."""
    if checks is None:
        return []
    writing: Mapping[str, CheckedPermission] = {each.resource: each for each in checks.writing or []}
    return [
        Row(each.resource, _family(each.resource), each, writing.get(each.resource))
        for each in by_family(checks.reading, lambda each: each.resource)
    ]


def _family(resource: str) -> str:
    row = RESOURCES.get(resource)
    return row.family if row else "unknown to this version"


def _missing(rows: list[Row]) -> list[str]:
    """Return the permissions that the application that reads lacks, each once."""
    return sorted({row.reading.permission for row in rows if row.reading.answer == Answer.FORBIDDEN.value})


def _fields(query: "Form", tenant: "Tenant") -> CommandFields:
    """Return the fields of the form that makes the command, as they were typed or filled in."""
    use = _RESTORES if query.text("use") == _RESTORES else _READS
    known = (tenant.restore_client_id or "") if use == _RESTORES else tenant.client_id
    return CommandFields(
        use=use,
        client_id=query.text("client_id") or known,
        credential=_CERTIFICATE if query.text("credential") == _CERTIFICATE else _SECRET,
        file=query.text("file") or "FILE",
        expires=query.text("expires"),
    )


def _update_line(tenant: "Tenant", fields: CommandFields) -> str:
    """Return the command that sets a new credential."""
    certificate = fields.file if fields.credential == _CERTIFICATE else None
    secret_file = None if certificate else fields.file
    if fields.use == _RESTORES:
        client_id = fields.client_id or "CLIENT-ID"
        return commands.update_restore_identity(
            tenant.name, client_id, secret_file=secret_file, certificate=certificate
        )
    return commands.update_tenant(
        tenant.name,
        client_id=fields.client_id if fields.client_id != tenant.client_id else None,
        secret_file=secret_file,
        certificate=certificate,
        secret_expires=fields.expires or None if secret_file else None,
    )
