"""``entrakeep download``: a snapshot as a file."""

from typing import Annotated

import typer

from console.cli.arguments import Name, Output, ResourceNames, SnapshotId, examples
from console.cli.opening import open_engine
from console.cli.output import counted, note
from console.cli.progress import shown_count
from console.download_file import to_file, to_standard_output
from shared.domain.errors import Code, Refuse

app = typer.Typer()


@app.command(
    epilog=examples(
        "entrakeep download contoso latest -o contoso.jsonl",
        "entrakeep download contoso latest -o - --resource users | jq -r .value.userPrincipalName",
    )
)
def download(
    name: Name,
    snapshot: SnapshotId,
    output: Output,
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="jsonl: one record per line.")] = "jsonl",
    resource: ResourceNames = None,
) -> None:
    """Write a snapshot, decrypted, to a file.

    Each line is one record, ordered by resource and key; each value is byte for byte as Graph sent it. Runs in this process:
    needs the key's AWS credentials, and no running stack. If it fails, FILE is neither created nor changed.
    """
    if format != "jsonl":
        raise Refuse(Code.WRONG_USE, f"There is no format '{format}' yet; give --format jsonl.")
    if not output:
        raise Refuse(Code.WRONG_USE, "-o needs the name of a file, or - for standard output.")
    context = open_engine()
    from shared.engine.snapshots.download import download as write_records

    tenant = context.catalog.find(name)
    with to_standard_output() if output == "-" else to_file(output) as sink, shown_count("record") as report:
        count = write_records(context, tenant, snapshot, sink, resource or (), report)
    if output != "-":
        note(f"{counted(count, 'record')} written to {output}.")
