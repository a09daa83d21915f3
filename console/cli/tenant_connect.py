"""``entrakeep tenant``: connect directories, set their applications, and check what these may do."""

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
    RestoreClientId,
    With,
    Without,
    examples,
)
from console.cli.choosing import AcceptWarnings, check_warnings, choice_words
from console.cli.credential_file import read_credential
from console.cli.opening import open_catalog, open_engine
from console.cli.output import print_document, print_line
from console.cli.tables import print_table
from console.documents.tenants import checked_document
from shared.domain.errors import COMPLETE, Answer, Code, Refuse
from shared.domain.model import CredentialKind
from shared.domain.resources import RESOURCES, STREAMS
from shared.domain.resources.choice import Choice
from shared.domain.secret import Secret

if TYPE_CHECKING:
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
RestoreSecretFile = Annotated[
    Path | None,
    typer.Option(
        "--restore-client-secret-file", metavar="FILE", help="A file with the client secret of that application."
    ),
]
RestoreCertificate = Annotated[
    Path | None,
    typer.Option(
        "--restore-certificate",
        metavar="FILE",
        help="Or a PEM file with the certificate and private key of that application.",
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
    restore_client_id: RestoreClientId = None,
    restore_client_secret_file: RestoreSecretFile = None,
    restore_certificate: RestoreCertificate = None,
    readd: Annotated[
        bool,
        typer.Option(
            "--again", help="Confirm connecting a directory whose removed tenant was under its owner's KMS key."
        ),
    ] = False,
    without: Without = None,
    with_: With = None,
    accept_warnings: AcceptWarnings = False,
) -> None:
    """Connect a directory.

    Signs in and reads /organization first, and stores nothing if that fails. Each directory can be connected only once.
    Restores need a second application, which may write; it can be added later with 'entrakeep tenant update'.

    Backups hold all resources of all families, except beta and optional ones. --without and --with choose otherwise.
    """
    choice = Choice().changed(without=without or (), with_=with_ or ())
    check_warnings(Choice(), choice, accept_warnings)
    kind, secret = read_credential(client_secret_file, certificate)
    restore = _restore_credential(restore_client_id, restore_client_secret_file, restore_certificate)
    if (restore is None) != (restore_client_id is None):
        raise Refuse(Code.WRONG_USE, "Give --restore-client-id together with its secret or certificate.")
    context = open_engine()
    from shared.engine.requests.tenants import add_tenant
    from shared.ports.directory import Identity

    identity = Identity(directory_id=directory_id, client_id=client_id, secret=secret, kind=kind)
    restoring = None
    if restore is not None and restore_client_id is not None:
        restoring = Identity(directory_id=directory_id, client_id=restore_client_id, kind=restore[0], secret=restore[1])
    actor = context.catalog.actor
    welcome = add_tenant(
        context,
        actor,
        name,
        identity,
        restoring=restoring,
        secret_expires_at=secret_expires,
        readd=readd,
        choice=choice,
    )
    print_line(f"Connected {name}. No schedule is set: 'entrakeep schedule set {name} --cron \"0 */6 * * *\"'.")
    print_line(choice_words(choice))
    _print_lacking(welcome)


@app.command(
    epilog=examples(
        "entrakeep tenant update contoso --client-secret-file new-secret.txt",
        "entrakeep tenant update contoso --certificate new.pem",
        "entrakeep tenant update contoso --restore-client-id 33333333-3333-3333-3333-333333333333 \\",
        "    --restore-client-secret-file restore-secret.txt",
        "entrakeep tenant update contoso --without roles-pim --with beta",
    )
)
def update(
    name: Name,
    client_secret_file: SecretFile = None,
    certificate: Certificate = None,
    secret_expires: SecretExpires = None,
    client_id: ClientIdOrNone = None,
    directory_id: DirectoryIdOrNone = None,
    restore_client_id: RestoreClientId = None,
    restore_client_secret_file: RestoreSecretFile = None,
    restore_certificate: RestoreCertificate = None,
    without: Without = None,
    with_: With = None,
    accept_warnings: AcceptWarnings = False,
) -> None:
    """Set a new secret or certificate, another application, or what backups hold.

    Signs in first, as 'add' does. The directory stays the same.

    --without switches families and resources off from the next backup on, --with switches them on again. What is off is
    reported as switched_off. Earlier snapshots keep it. What is on again is read in full.
    """
    if without or with_:
        _choose(name, without or [], with_ or [], accept_warnings)
    restore = _restore_credential(restore_client_id, restore_client_secret_file, restore_certificate)
    to_read = (client_secret_file, certificate, client_id, directory_id, secret_expires)
    reading = None
    if any(option is not None for option in to_read) or (restore is None and not (without or with_)):
        reading = read_credential(client_secret_file, certificate)
    if restore is not None:
        _update_restore(name, restore, restore_client_id)
    if reading is None:
        return
    kind, secret = reading
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


@app.command(epilog=examples("entrakeep tenant check contoso", "entrakeep tenant check contoso --restore"))
def check(
    name: Name,
    restore: Annotated[
        bool, typer.Option("--restore", help="Check what the restore identity may write, without writing anything.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check what Graph lets a tenant's applications do.

    Asks Graph for each resource that a backup reads. With --restore, checks the permissions and directory roles of the
    application that restores, and names each that is missing.
    """
    context = open_engine()
    from shared.engine.requests.tenants import check_tenant

    documents = [checked_document(each) for each in check_tenant(context, name, restore=restore)]
    if as_json:
        print_document(documents)
        return
    columns = ("resource", "answer", "permission", "detail")
    print_table(columns, [(each.resource, each.answer, each.permission, each.detail) for each in documents], empty="")
    missing = sorted({each.permission for each in documents if each.answer == Answer.FORBIDDEN.value})
    if missing:
        print_line(f"Missing permissions: {', '.join(missing)}.")


def _choose(name: str, without: list[str], with_: list[str], accept_warnings: bool) -> None:
    """Change what the tenant's backups hold, and print it."""
    catalog = open_catalog()
    from shared.engine.requests.tenants import choose

    before = catalog.find(name).choice
    check_warnings(before, before.changed(without=without, with_=with_), accept_warnings)
    choice = choose(catalog, catalog.actor, name, without=without, with_=with_)
    print_line(f"Updated {name}. {choice_words(choice)}")


def _restore_credential(
    client_id: str | None, secret_file: Path | None, certificate: Path | None
) -> tuple[CredentialKind, Secret] | None:
    """Return the credential of the restore identity, or None if no option names one. Raise Refuse ``WRONG_USE``."""
    if client_id is None and secret_file is None and certificate is None:
        return None
    return read_credential(secret_file, certificate, "restore-")


def _update_restore(name: str, credential: tuple[CredentialKind, Secret], client_id: str | None) -> None:
    """Store the restore identity after a sign-in has worked, and print that."""
    context = open_engine()
    from shared.engine.requests.tenants import update_restore_identity

    kind, secret = credential
    update_restore_identity(context, context.catalog.actor, name, kind, secret, client_id=client_id)
    print_line(
        f"Updated {name}: the sign-in to restore works. See what it may write: 'entrakeep tenant check {name} --restore'."
    )


def _print_lacking(welcome: "Welcome") -> None:
    """Print what Graph does not show to the application, by permission. It does not prevent backups."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for stream, answer in welcome.answers.items():
        for name in STREAMS[stream].resources if answer not in COMPLETE else ():
            lacking.setdefault((answer, RESOURCES[name].permission_read), []).append(name)
    if lacking:
        print_line("Graph does not show these resources to the application. The permissions can be granted later:")
        rows = [(answer, permission, ", ".join(names)) for (answer, permission), names in sorted(lacking.items())]
        print_table(("answer", "permission", "for"), rows, empty="")
