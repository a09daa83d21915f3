"""``entrakeep tenant``: connect, update, list, show and remove tenants."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import (
    AsJson,
    ClientId,
    ClientIdOrNone,
    DirectoryId,
    DirectoryIdOrNone,
    Name,
    NewName,
    examples,
)
from console.cli.credential_file import read_credential
from console.cli.opening import now, open_catalog, open_engine
from console.cli.output import note, print_document, print_line
from console.cli.prompts import check_terminal
from console.cli.tables import age_words, fields_of, print_fields, print_table
from console.documents.tenants import TenantDocument, removed_document, shred_certificate, tenant_document
from console.documents.times import moment, to_second
from shared.domain.errors import COMPLETE
from shared.domain.resources import RESOURCES, STREAMS

if TYPE_CHECKING:
    from shared.engine.context import Context
    from shared.engine.tenants.onboarding import Welcome

app = typer.Typer(help="Connect, list and remove directories (tenants).")

SecretFile = Annotated[
    Path | None,
    typer.Option("--client-secret-file", metavar="FILE", help="A file with the application's client secret."),
]
Certificate = Annotated[
    Path | None,
    typer.Option(
        "--certificate", metavar="FILE", help="Or a PEM file with the application's certificate and private key."
    ),
]


def _day_said(text: str) -> datetime:
    """Return the beginning of a day, in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter("give a day, as in 2027-01-31.") from None


SecretExpires = Annotated[
    datetime | None,
    typer.Option(
        "--secret-expires",
        metavar="DATE",
        parser=_day_said,
        help="When the client secret expires, as in 2027-01-31, if the directory does not report it.",
    ),
]


@app.command(
    epilog=examples(
        "entrakeep tenant add contoso --directory-id 22222222-2222-2222-2222-222222222222 \\",
        "    --client-id 11111111-1111-1111-1111-111111111111 --client-secret-file secret.txt",
        "entrakeep tenant add contoso --directory-id 22222222-2222-2222-2222-222222222222 \\",
        "    --client-id 11111111-1111-1111-1111-111111111111 --certificate entrakeep.pem",
    )
)
def add(
    name: NewName,
    directory_id: DirectoryId,
    client_id: ClientId,
    client_secret_file: SecretFile = None,
    certificate: Certificate = None,
    secret_expires: SecretExpires = None,
    readd: Annotated[
        bool,
        typer.Option(
            "--again", help="Confirm connecting a directory whose removed tenant was under its owner's KMS key."
        ),
    ] = False,
) -> None:
    """Connect a directory.

    Signs in and reads /organization first, and stores nothing if that fails. Each directory can be connected only once.
    """
    kind, secret = read_credential(client_secret_file, certificate)
    context = open_engine()
    from shared.engine.requests.tenants import add_tenant
    from shared.ports.directory import Identity

    identity = Identity(directory_id=directory_id, client_id=client_id, secret=secret, kind=kind)
    actor = context.catalog.actor
    welcome = add_tenant(context, actor, name, identity, secret_expires_at=secret_expires, readd=readd)
    print_line(f"Connected {name}. No schedule is set: 'entrakeep schedule set {name} --cron \"0 */6 * * *\"'.")
    _print_lacking(welcome)


@app.command(
    epilog=examples(
        "entrakeep tenant update contoso --client-secret-file new-secret.txt",
        "entrakeep tenant update contoso --certificate new.pem",
    )
)
def update(
    name: Name,
    client_secret_file: SecretFile = None,
    certificate: Certificate = None,
    secret_expires: SecretExpires = None,
    client_id: ClientIdOrNone = None,
    directory_id: DirectoryIdOrNone = None,
) -> None:
    """Set a new secret or certificate, or another application.

    Signs in first, as 'add' does. The directory stays the same.
    """
    kind, secret = read_credential(client_secret_file, certificate)
    context = open_engine()
    from shared.engine.requests.tenants import update_tenant

    welcome = update_tenant(
        context,
        context.catalog.actor,
        name,
        kind,
        secret,
        client_id=client_id,
        directory_id=directory_id,
        secret_expires_at=secret_expires,
    )
    print_line(f"Updated {name}: the sign-in with the new credential works.")
    _print_lacking(welcome)


@app.command("list", epilog=examples("entrakeep tenant list", "entrakeep tenant list --json | jq -r '.[].tenant'"))
def list_tenants(as_json: AsJson = False) -> None:
    """List the tenants, newest first."""
    catalog = open_catalog()
    from shared.engine.requests.lists import all_tenants

    overviews = list(all_tenants(catalog))
    documents = [tenant_document(shown, now()) for shown in overviews]
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
    shown = catalog.queries().tenant(name)
    document = tenant_document(shown, now())
    if as_json:
        print_document(document)
        return
    taken = f"{shown.last.snapshot_id} of {to_second(moment(shown.last.created_at))}" if shown.last else None
    fields = {**fields_of(document), "schedule": _schedule_words(document), "last_snapshot": taken}
    fields |= {"last_result": _result_words(document), "last_complete_at": to_second(document.last_complete_at)}
    for hidden in ("sign_in_warning", "last_complete_age_seconds"):
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
    _confirm(yes, f"Remove {name} with its credentials, jobs and snapshots?")
    tenant = remove_tenant(context, context.catalog.actor, name)
    if as_json:
        print_document(removed_document(tenant))
    else:
        print_line(f"Removed {name}.")


def _confirm(yes: bool, question: str) -> None:
    """Ask for confirmation unless ``yes``. Raise Exit with status 1 if the user declines."""
    if not yes and not typer.confirm(question, err=True):
        note("Nothing was removed.")
        raise typer.Exit(1)


def _shred(context: "Context", name: str, yes: bool, as_json: bool) -> None:
    """Shred a tenant and print the certificate.

    A shred that was killed after the catalog had removed the tenant is finished without a question.
    """
    from shared.engine.requests.tenants import shred_tenant
    from shared.engine.tenants.shred import unfinished_shred

    if unfinished_shred(context, name) is None:
        context.catalog.find(name)
        _confirm(yes, f"Destroy the data keys of {name}, so that no snapshot of it can ever be read again?")
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


def _day(time: datetime | None) -> str | None:
    """Return the day of a time as text."""
    return None if time is None else f"{time:%Y-%m-%d}"


def _note_expiry(document: TenantDocument) -> None:
    """Note the warning that the sign-in expires, if there is one."""
    if document.sign_in_warning:
        note(f"attention: {document.sign_in_warning}")


def _schedule_words(document: TenantDocument) -> str | None:
    """Return the schedule as text, or None without one."""
    schedule = document.schedule
    if schedule is None:
        return None
    return f"{schedule.cron} {schedule.timezone}{' (paused)' if schedule.paused else ''}"


def _print_lacking(welcome: "Welcome") -> None:
    """Print the resources that Graph does not show to the application. They do not prevent backups."""
    lacking = [
        (name, answer, RESOURCES[name].permission_read)
        for stream, answer in welcome.answers.items()
        if answer not in COMPLETE
        for name in STREAMS[stream].resources
    ]
    if lacking:
        print_line("Graph does not show these resources to the application. The permissions can be granted later:")
        print_table(("resource", "answer", "permission"), lacking, empty="")
