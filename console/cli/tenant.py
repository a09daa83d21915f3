"""``entrakeep tenant``: directories under protection."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, ClientId, DirectoryId, Name, NewName, examples
from console.cli.asking import check_terminal
from console.cli.credential_file import read_credential
from console.cli.documents import (
    Document,
    age_words,
    key_state,
    moment,
    shredded_document,
    tenant_document,
    to_second,
)
from console.cli.opening import now, open_catalog, open_engine
from console.cli.output import note, print_document, print_line
from console.cli.tables import print_fields, print_table
from shared.domain.errors import COMPLETE, Code, Refuse
from shared.domain.model import CredentialKind
from shared.domain.resources import RESOURCES, STREAMS

if TYPE_CHECKING:
    from shared.domain.model import Tenant
    from shared.engine.context import Context
    from shared.engine.onboarding import Welcome
    from shared.ports.catalog import Catalog
    from shared.ports.overview import TenantOverview

app = typer.Typer(help="Connect directories, and look at them.")

SecretFile = Annotated[
    Path | None,
    typer.Option("--client-secret-file", metavar="FILE", help="The file with the application's client secret."),
]
Certificate = Annotated[
    Path | None,
    typer.Option("--certificate", metavar="FILE", help="Or a PEM file with its certificate and private key."),
]


def _day_said(text: str) -> datetime:
    """Return the beginning of a day that somebody named."""
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
        help="When the client secret expires, as in 2027-01-31, if the directory does not say so itself.",
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
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Consent to a directory whose tenant was removed under a KMS key of its owner's own."
        ),
    ] = False,
) -> None:
    """Connect a directory.

    Signs in and reads /organization first; nothing is stored unless that works. One directory is one tenant.
    """
    kind, secret = read_credential(client_secret_file, certificate)
    expires_at = _expiry(kind, secret_expires)
    context = open_engine()
    from shared.engine.onboarding import add_tenant
    from shared.ports.directory import Identity

    identity = Identity(directory_id=directory_id, client_id=client_id, secret=secret, kind=kind)
    welcome = add_tenant(context, name, identity, expires_at=expires_at, again=again)
    print_line(f"{name} is connected. No schedule is set: 'entrakeep schedule set {name} --cron \"0 */6 * * *\"'.")
    _tell_lacking(welcome)


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
    client_id: ClientId | None = None,
    directory_id: DirectoryId | None = None,
) -> None:
    """Give a new secret or certificate, or another application.

    Checked as 'add' does; the directory stays the same.
    """
    kind, secret = read_credential(client_secret_file, certificate)
    expires_at = _expiry(kind, secret_expires)
    context = open_engine()
    from shared.engine.onboarding import update_tenant

    if directory_id not in (None, context.catalog.find(name).directory_id.lower()):
        sentence = f"{name} keeps its directory; connect another one with 'entrakeep tenant add'."
        raise Refuse(Code.WRONG_USE, sentence)

    welcome = update_tenant(context, name, client_id, secret, kind, expires_at=expires_at)
    print_line(f"{name} signs in with what you gave.")
    _tell_lacking(welcome)


@app.command("list", epilog=examples("entrakeep tenant list", "entrakeep tenant list --json | jq -r '.[].tenant'"))
def list_tenants(as_json: AsJson = False) -> None:
    """List the tenants, newest first."""
    catalog = open_catalog()
    found = catalog.overview().tenants()
    documents = [_document(catalog, shown, [each.tenant for each in found]) for shown in found]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            document["tenant"],
            _result_words(document),
            age_words(document["last_complete_age_seconds"]),
            document["key_state"],
            _schedule_words(document),
            _day(shown.tenant.sign_in_expires_at),
            "\n".join(
                [document["directory_id"], *(f"also connected as {each}" for each in document["same_directory"])]
            ),
        )
        for shown, document in zip(found, documents, strict=True)
    ]
    empty = "There is no tenant yet. Connect one with 'entrakeep tenant add'."
    columns = ("tenant", "last result", "complete snapshot of", "key", "schedule", "sign-in expires", "directory")
    print_table(columns, rows, empty=empty)
    for document in documents:
        _note_expiry(document)


@app.command(epilog=examples("entrakeep tenant show contoso"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a tenant: its ids, its schedule and its last snapshot."""
    catalog = open_catalog()
    tenants = catalog.tenants()
    (shown,) = catalog.overview().tenants(catalog.find(name).tenant_id)
    document = _document(catalog, shown, tenants)
    if as_json:
        print_document(document)
        return
    taken = f"{shown.last.snapshot_id} of {to_second(moment(shown.last.created_at))}" if shown.last else None
    told = {**document, "schedule": _schedule_words(document), "last_snapshot": taken}
    told |= {"last_result": _result_words(document), "last_complete_at": to_second(document["last_complete_at"])}
    for hidden in ("sign_in_warning", "last_complete_age_seconds"):
        del told[hidden]
    print_fields([*told.items()])
    _note_expiry(document)


@app.command(epilog=examples("entrakeep tenant remove contoso", "entrakeep tenant remove contoso --yes"))
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")] = False,
    shred: Annotated[
        bool, typer.Option("--shred", help="Destroy every wrapped data key too: nothing of the tenant opens any more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Forget a tenant.

    Its credentials, keys, jobs, schedule and snapshots go from the catalog; the audit trail stays. Needs no key. The
    blobs stay in the store, sealed, and cannot be opened without the key objects beside them and KMS.

    With --shred those key objects are destroyed first, in every version that the store keeps, and a certificate says what
    is unreadable from then on. There is no way back. One that was cut off is ended by the same command again.
    """
    if not yes:
        check_terminal("give --yes to remove the tenant")
    context = open_engine()
    if shred:
        _shred(context, name, yes, as_json)
        return
    from shared.engine.onboarding import remove_tenant

    tenant = context.catalog.find(name)
    _confirm(yes, f"Remove {name} with its credentials, jobs and snapshots?")
    remove_tenant(context, name)
    if as_json:
        print_document({"tenant": name, "tenant_id": tenant.tenant_id})
    else:
        print_line(f"{name} is removed.")


def _confirm(yes: bool, question: str) -> None:
    if not yes and not typer.confirm(question, err=True):
        note("Nothing was removed.")
        raise typer.Exit(1)


def _shred(context: "Context", name: str, yes: bool, as_json: bool) -> None:
    """What was begun and killed when the catalog had forgotten the tenant is only ended: nothing is left to ask."""
    from shared.engine.shred import shred_tenant, unfinished_shred

    if unfinished_shred(context, name) is None:
        context.catalog.find(name)
        _confirm(yes, f"Destroy the data keys of {name}, so that no snapshot of it can ever be read again?")
    document = shredded_document(shred_tenant(context, name))
    if as_json:
        print_document(document)
        return
    print_line(f"{document['tenant']} is removed, and nothing of it opens any more.")
    counted = {field: len(value) for field, value in document.items() if field in ("data_keys", "unreadable")}
    shown = [(field, value) for field, value in document.items() if field not in ("blob", "not_reached", "database")]
    print_fields([(field, counted.get(field, value)) for field, value in shown])
    print_line(document["not_reached"])
    if document["database"]:
        print_line(document["database"])
    print_line(f"This certificate lies in the store, with every id: {document['blob']}.")


def _document(catalog: "Catalog", shown: "TenantOverview", tenants: "list[Tenant]") -> Document:
    tenant, handle = shown.tenant, catalog.tenant(shown.tenant.tenant_id)
    state, _ = key_state(tenant, handle.keys.state(), handle.health.get())
    directory, own = tenant.directory_id.lower(), tenant.tenant_id
    same = [each.name for each in tenants if each.directory_id.lower() == directory and each.tenant_id != own]
    return tenant_document(shown, state, now(), same)


def _result_words(document: Document) -> str | None:
    """The code of a backup that failed, else its state."""
    result = document["last_result"]
    return None if result is None else str(result["code"] or result["state"])


def _expiry(kind: CredentialKind, day: datetime | None) -> datetime | None:
    """Return the day that somebody named, which is for a client secret alone."""
    if day is not None and kind is CredentialKind.CERTIFICATE:
        raise Refuse(Code.WRONG_USE, "--secret-expires is for a client secret: a certificate says when it expires.")
    return day


def _day(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d}"


def _note_expiry(document: Document) -> None:
    if document["sign_in_warning"]:
        note(f"attention: {document['sign_in_warning']}")


def _schedule_words(document: Document) -> str | None:
    schedule = document["schedule"]
    return schedule and f"{schedule['cron']} {schedule['timezone']}{' (paused)' if schedule['paused'] else ''}"


def _tell_lacking(welcome: "Welcome") -> None:
    """A table of what Graph does not show to the application; it does not stop anything."""
    lacking = [
        (name, answer, RESOURCES[name].permission_read)
        for stream, answer in welcome.answers.items()
        if answer not in COMPLETE
        for name in STREAMS[stream].resources
    ]
    if lacking:
        print_line("Graph does not show everything to this application; it can be granted later:")
        print_table(("resource", "answer", "permission"), lacking, empty="")
