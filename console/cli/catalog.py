"""``entrakeep catalog``: the database that knows what is stored."""

import typer

from console.cli.arguments import examples
from console.cli.output import print_line

app = typer.Typer(help="The catalog in SQL.")


@app.command(epilog=examples("entrakeep catalog migrate"))
def migrate() -> None:
    """Bring the catalog's tables up to date.

    On SQLite whoever opens it first does so by itself; PostgreSQL needs this command.
    """
    from shared import wiring

    print_line(f"The catalog is at revision {wiring.migrate_catalog()}.")
