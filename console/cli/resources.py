"""``entrakeep resources``: what is protected."""

import typer

from console.cli.arguments import AsJson, examples
from console.cli.documents import resource_documents
from console.cli.output import print_document
from console.cli.tables import print_table

app = typer.Typer()


@app.command(
    epilog=examples("entrakeep resources", "entrakeep resources --json | jq -r '.[].permission_read' | sort -u")
)
def resources(as_json: AsJson = False) -> None:
    """Show what is protected, and what that needs.

    For each resource: how it is read, and which permission and licence reading it takes. The last column says what a
    restore will do; there is no restore yet.
    """
    documents = resource_documents()
    if as_json:
        print_document(documents)
        return
    rows = [
        (row["resource"], "delta" if row["delta"] else "whole", row["permission_read"], row["licence"], row["restore"])
        for row in documents
    ]
    print_table(("resource", "read", "permission to read", "licence", "restore (planned)"), rows, empty="")
