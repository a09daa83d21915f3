"""``entrakeep catalog``: the database that knows what is stored."""

from typing import Annotated

import typer

from console.cli.arguments import examples
from console.cli.output import print_line

app = typer.Typer(help="The catalog in SQL.")


@app.command(epilog=examples("entrakeep catalog migrate", "entrakeep catalog migrate --grant entrakeep"))
def migrate(
    grant: Annotated[
        str | None,
        typer.Option("--grant", metavar="USER", help="PostgreSQL: let this user, who owns no table, use them."),
    ] = None,
) -> None:
    """Bring the catalog's tables up to date.

    On SQLite whoever opens it first does so by itself; PostgreSQL needs this command, run by the user who owns the
    tables. Workers, beat and commands use another user there, who is bound by row-level security.
    """
    from shared import wiring

    print_line(f"The catalog is at revision {wiring.migrate_catalog(grant)}.")
    if grant is not None:
        print_line(f"The user {grant} may use it.")
