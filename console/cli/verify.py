"""``entrakeep verify``: verify that stored blobs are intact."""

from typing import Annotated

import typer

from console.cli.arguments import AsJson, Name, SnapshotOrAll, examples
from console.cli.opening import open_catalog
from console.cli.output import print_document, print_line
from console.cli.tables import print_damaged, print_strays
from console.cli.waiting import refuse_failed, wait_for
from console.documents.verifications import verification
from console.documents.words import counted

app = typer.Typer()


@app.command(
    epilog=examples(
        "entrakeep verify contoso",
        "entrakeep verify contoso latest",
        "entrakeep verify contoso --shallow   # works without the key",
    )
)
def verify(
    name: Name,
    snapshot: SnapshotOrAll = None,
    shallow: Annotated[bool, typer.Option("--shallow", help="Check hashes only, which needs no key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Verify that the stored blobs are intact.

    A worker opens every blob of one snapshot, or of all (with --shallow it only hashes them). It compares each blob with its
    manifest, and each manifest with the hash in the next one. Every other blob of the tenant must be known to the catalog.
    Waits for the end of the job. Exit status 1 if a blob is damaged, missing or unknown.
    """
    catalog = open_catalog()
    from shared.engine.requests.jobs import request_verify

    job = wait_for(catalog, request_verify(catalog, catalog.actor, name, snapshot, shallow=shallow))
    result = verification(job, shallow=shallow)
    if result is not None and as_json:
        print_document(result)
    elif result is not None and result.damaged:
        print_damaged(result.damaged)
        print_strays(result.strays)
    refuse_failed(job)
    if result is not None and not as_json:
        blobs, snapshots = counted(result.blobs, "blob"), counted(result.snapshots, "snapshot")
        if shallow:
            print_line(
                f"Verified the hashes of {blobs} in {snapshots}: all match. No blob was opened; omit --shallow to open them."
            )
        else:
            print_line(f"Verified {blobs} in {snapshots}: all intact.")
        print_strays(result.strays)
