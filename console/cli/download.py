"""``entrakeep download``: a snapshot as a file."""

from typing import Annotated

import typer

from console.cli.arguments import Name, ResourceNames, SnapshotId, examples, words
from console.cli.opening import open_engine
from console.cli.output import note
from console.cli.progress import shown_count
from console.documents.words import counted

app = typer.Typer()

SinceSnapshot = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="SNAPSHOT",
        help="Only what changed since this snapshot: added and changed records, and the keys of removed ones.",
        callback=words,
    ),
]
Recipients = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient",
        metavar="AGE_KEY",
        help="Encrypt the output to this age or SSH public key. Can be given several times.",
    ),
]


@app.command(
    epilog=examples(
        "entrakeep download contoso latest -o contoso.jsonl",
        "entrakeep download contoso latest -o - --resource users | jq -r .value.userPrincipalName",
        "entrakeep download contoso latest --format csv -o contoso-tables",
        "entrakeep download contoso latest --since 5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22 -o changes.jsonl",
        'entrakeep download contoso latest --format zip -o contoso.zip.age --recipient "$(cat ada.pub)"',
    )
)
def download(
    name: Name,
    snapshot: SnapshotId,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file or folder to write. A file is replaced only on success. - is standard output.",
        ),
    ],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="jsonl: one record per line. csv: a folder with one table per resource, or a .zip of them. "
            "zip: both for each resource, with an index page, the completeness report and checksums.",
        ),
    ] = "jsonl",
    resource: ResourceNames = None,
    since: SinceSnapshot = None,
    recipient: Recipients = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep an interrupted download as FILE.partial. The same command continues it."),
    ] = False,
) -> None:
    """Write a snapshot, decrypted, to a file or a folder.

    In jsonl, each line is one record, ordered by resource and key; each value is byte for byte as Graph sent it. In csv, a
    cell that a spreadsheet would calculate (it begins with =, +, - or @) gets an apostrophe in front. Runs in this process:
    needs the key's AWS credentials, and no running stack. If it fails, FILE is neither created nor changed. With --recipient,
    'age -d' reads the output with the recipient's secret key.
    """
    from console.downloads.writing import Order, write_download

    order = Order(
        output=output,
        format=format,
        resources=resource or (),
        recipients=recipient or (),
        resume=resume,
        since=since,
    )
    order.check()
    context = open_engine()
    tenant = context.catalog.find(name)
    with shown_count("record") as report:
        count = write_download(context, tenant, snapshot, order, report)
    if not order.standard:
        note(f"{counted(count, 'record')} written to {output}.")
