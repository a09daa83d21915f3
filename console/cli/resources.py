"""``entrakeep resources``: list the protected resources."""

import typer

from console.cli.arguments import AsJson, examples
from console.cli.output import print_document
from console.cli.tables import print_table
from console.documents.resources import protected_resources

app = typer.Typer()


@app.command(
    epilog=examples("entrakeep resources", "entrakeep resources --json | jq -r '.[].permission_read' | sort -u")
)
def resources(as_json: AsJson = False) -> None:
    """List the protected resources, and what they need.

    Shows, for each resource, how it is read, and the permission and licence that reading needs. The last column shows how
    a restore writes it back; docs/restore.md says more.
    """
    documents = protected_resources()
    if as_json:
        print_document(documents)
        return
    rows = [
        (row.resource, "delta" if row.delta else "whole", row.permission_read, row.licence, row.restore)
        for row in documents
    ]
    print_table(("resource", "read", "permission to read", "licence", "restore"), rows, empty="")
