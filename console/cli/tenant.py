"""``entrakeep tenant``: list, show and remove tenants."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, Name, examples
from console.cli.opening import now, open_catalog, open_engine
from console.cli.output import note, print_document, print_line
from console.cli.prompts import check_terminal, confirm
from console.cli.tables import age_words, fields_of, print_fields, print_table
from console.cli.tenant_connect import app
from console.documents.tenants import TenantDocument, removed_document, shred_certificate, tenant_document
from console.documents.times import moment, to_second
from console.documents.words import duration

__all__ = ["app"]

if TYPE_CHECKING:
    from shared.engine.context import Context


@app.command("list", epilog=examples("entrakeep tenant list", "entrakeep tenant list --json | jq -r '.[].tenant'"))
def list_tenants(as_json: AsJson = False) -> None:
    """List the tenants, newest first."""
    catalog = open_catalog()
    from shared.engine.requests.fleet import protections
    from shared.engine.requests.lists import all_tenants

    overviews, protection = list(all_tenants(catalog)), protections(catalog, now())
    documents = [tenant_document(shown, protection.get(shown.tenant.tenant_id), now()) for shown in overviews]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            document.tenant,
            _result_words(document),
            age_words(document.last_complete_age_seconds),
            document.key_state,
            _schedule_words(document),
            _day(shown.tenant.sign_in_expires_at),
            "\n".join([document.directory_id, *(f"also connected as {each}" for each in document.same_directory)]),
        )
        for shown, document in zip(overviews, documents, strict=True)
    ]
    empty = "There are no tenants yet. Connect one with 'entrakeep tenant add'."
    columns = ("tenant", "last result", "complete snapshot of", "key", "schedule", "sign-in expires", "directory")
    print_table(columns, rows, empty=empty)
    for document in documents:
        _note_expiry(document)


@app.command(epilog=examples("entrakeep tenant show contoso"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a tenant: its ids, its schedule and its last snapshot."""
    catalog = open_catalog()
    from shared.engine.requests.fleet import protection_of_tenant

    shown = catalog.queries().tenant(name)
    document = tenant_document(shown, protection_of_tenant(catalog, shown.tenant.tenant_id, now()), now())
    if as_json:
        print_document(document)
        return
    taken = f"{shown.last.snapshot_id} of {to_second(moment(shown.last.created_at))}" if shown.last else None
    fields = {**fields_of(document), "schedule": _schedule_words(document), "last_snapshot": taken}
    fields |= {"last_result": _result_words(document), "last_complete_at": to_second(document.last_complete_at)}
    fields["protection"] = _protection_words(document)
    fields |= {name: ", ".join(fields[name]) or None for name in ("switched_off", "switched_on")}
    for hidden in (
        "sign_in_warning",
        "restore_warning",
        "last_complete_age_seconds",
        "rpo_seconds",
        "rpo_target_seconds",
    ):
        del fields[hidden]
    print_fields([*fields.items()])
    _note_expiry(document)


@app.command(epilog=examples("entrakeep tenant remove contoso", "entrakeep tenant remove contoso --yes"))
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation. Needed without a terminal.")] = False,
    shred: Annotated[
        bool,
        typer.Option(
            "--shred", help="Also destroy every wrapped data key: no backup of the tenant can be opened any more."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a tenant.

    Deletes its credentials, keys, jobs, schedule and snapshots from the catalog; the audit trail stays. Needs no key. The
    blobs stay in the store, encrypted, and cannot be opened without the key objects beside them and KMS.

    With --shred those key objects are destroyed first, in every version that the store has, and a certificate lists what can
    no longer be read. This cannot be undone. Run the same command again to finish an interrupted removal.
    """
    if not yes:
        check_terminal("give --yes to remove the tenant")
    context = open_engine()
    if shred:
        _shred(context, name, yes, as_json)
        return
    from shared.engine.requests.tenants import remove_tenant

    context.catalog.find(name)
    confirm(yes, f"Remove {name} with its credentials, jobs and snapshots?", "Nothing was removed.")
    tenant = remove_tenant(context, context.catalog.actor, name)
    if as_json:
        print_document(removed_document(tenant))
    else:
        print_line(f"Removed {name}.")


def _shred(context: "Context", name: str, yes: bool, as_json: bool) -> None:
    """Shred a tenant and print the certificate.

    A shred that was killed after the catalog had removed the tenant is finished without a question.
    """
    from shared.engine.requests.tenants import shred_tenant
    from shared.engine.tenants.shred import unfinished_shred

    if unfinished_shred(context, name) is None:
        context.catalog.find(name)
        confirm(
            yes,
            f"Destroy the data keys of {name}, so that no snapshot of it can ever be read again?",
            "Nothing was removed.",
        )
    document = shred_certificate(shred_tenant(context, context.catalog.actor, name))
    if as_json:
        print_document(document)
        return
    print_line(f"Removed {document.tenant}: none of its backups can be opened any more.")
    fields = fields_of(document)
    fields |= {"data_keys": len(document.data_keys), "unreadable": len(document.unreadable)}
    for sentence in ("blob", "not_reached", "database"):
        del fields[sentence]
    print_fields([*fields.items()])
    print_line(document.not_reached)
    if document.database:
        print_line(document.database)
    print_line(f"This certificate, with every id, is in the store: {document.blob}.")


def _result_words(document: TenantDocument) -> str | None:
    """Return the code of the last backup if it failed, otherwise its state."""
    result = document.last_result
    return None if result is None else str(result.code or result.state)


def _protection_words(document: TenantDocument) -> str | None:
    """Return the state of the protection, with the RPO and its target."""
    if document.rpo_seconds is None:
        return document.protection
    target = document.rpo_target_seconds
    aim = "" if target is None else f", target {duration(timedelta(seconds=target))}"
    return f"{document.protection}: RPO {duration(timedelta(seconds=document.rpo_seconds))}{aim}"


def _day(time: datetime | None) -> str | None:
    """Return the day of a time as text."""
    return None if time is None else f"{time:%Y-%m-%d}"


def _note_expiry(document: TenantDocument) -> None:
    """Note the warnings that a credential expires, if there are any."""
    for warning in filter(None, (document.sign_in_warning, document.restore_warning)):
        note(f"attention: {warning}")


def _schedule_words(document: TenantDocument) -> str | None:
    """Return the schedule as text, or None without one."""
    schedule = document.schedule
    if schedule is None:
        return None
    return f"{schedule.cron} {schedule.timezone}{' (paused)' if schedule.paused else ''}"
