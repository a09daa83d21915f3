"""``entrakeep catalog``: the database that knows what is stored."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, examples
from console.cli.opening import open_engine
from console.cli.output import note, print_document, print_line
from console.cli.progress import shown_count
from console.cli.tables import print_damaged, print_strays
from console.cli.untrusted import confirm_trust, print_untrusted
from console.documents.stores import rebuilt_tenant
from console.documents.verifications import DamagedBlob
from console.documents.words import counted
from shared.domain.errors import Code, Refuse
from shared.domain.trust import located

if TYPE_CHECKING:
    from shared.engine.upkeep.rebuild import Rebuilt

app = typer.Typer(help="Migrate or rebuild the catalog in SQL.")


@app.command(
    epilog=examples(
        "entrakeep catalog migrate", "entrakeep catalog migrate --grant entrakeep --grant-console entrakeep_console"
    )
)
def migrate(
    grant: Annotated[
        str | None,
        typer.Option("--grant", metavar="USER", help="PostgreSQL: allow this user, who owns no table, to use them."),
    ] = None,
    grant_console: Annotated[
        str | None,
        typer.Option(
            "--grant-console", metavar="USER", help="PostgreSQL: allow this user what the console needs, and no keys."
        ),
    ] = None,
) -> None:
    """Bring the catalog's tables up to date.

    SQLite is migrated by the first process that opens it. PostgreSQL needs this command, run by the user who owns the
    tables. Workers, beat and commands use another user there, who is subject to row-level security.
    """
    from shared import wiring

    print_line(f"The catalog is at revision {wiring.migrate_catalog(grant, grant_console)}.")
    if grant is not None:
        print_line(f"The database user {grant} may use the catalog.")
    if grant_console is not None:
        print_line(f"The database user {grant_console} may use the catalog as the console does, without keys.")


@app.command(epilog=examples("entrakeep catalog rebuild", "entrakeep catalog rebuild --trust-key arn:aws:kms:…"))
def rebuild(
    trust_key: Annotated[
        list[str] | None,
        typer.Option("--trust-key", metavar="ARN", help="Trust this KMS key too. Can be given several times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore the catalog's lost entries from the store and KMS.

    Restores tenants, data keys and snapshots. Credentials, schedules and jobs are lost: give each tenant its credential with
    'entrakeep tenant update', and its schedule. Removes nothing, so it can also be used after the database was restored from
    an older dump. Existing entries of the catalog stay unchanged, the KMS key of a tenant included.

    Data keys under a KMS key that neither the catalog nor the audit trail names for the tenant are listed and skipped, with
    the snapshots that need them: anybody who can write to the store can put them there. With '--trust-key' you declare that
    you trust a key; on a terminal you are asked to confirm. Runs in this process: needs the keys' AWS credentials, and no
    running stack. Exit status 1 if a tenant could not be restored completely.
    """
    context = open_engine()
    from shared.engine.requests.rebuild import check_trusted, rebuild_catalog

    trusted = check_trusted(trust_key or [])
    confirm_trust(trusted)
    outcomes: list[Rebuilt] = []
    for outcome in rebuild_catalog(context, context.catalog.actor, trusted, lambda: shown_count("manifest")):
        outcomes.append(outcome)
        if not as_json:
            _print_outcome(outcome)
    if as_json:
        print_document([rebuilt_tenant(outcome) for outcome in outcomes])
    for outcome in outcomes:
        if outcome.trouble is not None:
            note(f"{outcome.trouble.code}: {_name(outcome)}: {outcome.trouble.message}")
    if not outcomes:
        raise Refuse(Code.NO_SUCH_TENANT, "The store holds no tenant; check ENTRAKEEP_STORE_URL.")
    if any(outcome.trouble is not None or outcome.broken or outcome.untrusted for outcome in outcomes):
        raise typer.Exit(1)


def _name(outcome: "Rebuilt") -> str:
    """Return the tenant's name, or its id if the name is unknown."""
    return outcome.tenant.name if outcome.tenant is not None else outcome.tenant_id


def _print_outcome(outcome: "Rebuilt") -> None:
    """Print what was restored of a tenant, and what was not."""
    name = _name(outcome)
    restored = f"{counted(outcome.snapshots, 'snapshot')} and {counted(outcome.data_keys, 'data key')}"
    if outcome.trouble is not None:
        print_line(f"{name}: nothing was restored.")
    elif outcome.tenant is None:
        print_line(
            f"{name}: not restored, because the store holds no snapshot of it that can be opened. Add the tenant again."
        )
    elif not outcome.known:
        print_line(f"{name}: restored with {restored}, without a schedule. Give it its credential:")
        print_line(f"  entrakeep tenant update {name} --client-secret-file FILE")
    elif outcome.snapshots or outcome.data_keys:
        print_line(f"{name}: restored {restored}.")
    else:
        print_line(f"{name}: nothing was missing.")
    if outcome.broken:
        print_line("Skipped, because these blobs are missing or unusable:")
        print_damaged(DamagedBlob(blob=each.blob, resource=None, reason=each.reason) for each in outcome.broken)
    print_strays(outcome.strays)
    if outcome.untrusted:
        print_untrusted(outcome.untrusted)
    if outcome.other_key is not None:
        print_line(f"{name}: its KMS key was changed to {located(outcome.other_key)} after this catalog was written.")
        print_line(f"The catalog keeps the key that it names: see 'entrakeep key show {name}', and repeat the change.")
