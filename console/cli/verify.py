"""``entrakeep verify``: verify that stored blobs are intact."""

from typing import Annotated

import typer

from console.cli.arguments import AsJson, Name, SnapshotOrAll, examples
from console.cli.opening import open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.tables import print_damaged, print_strays, print_table
from console.cli.waiting import refuse_failed, wait_for
from console.documents.verifications import graph_verification, verification
from console.documents.words import counted
from shared.domain.jobs import JobState

app = typer.Typer()


@app.command(
    epilog=examples(
        "entrakeep verify contoso",
        "entrakeep verify contoso latest",
        "entrakeep verify contoso --shallow   # works without the key",
        "entrakeep verify contoso --against-graph   # reads the directory in full",
    )
)
def verify(
    name: Name,
    snapshot: SnapshotOrAll = None,
    shallow: Annotated[bool, typer.Option("--shallow", help="Check hashes only, which needs no key.")] = False,
    against_graph: Annotated[
        bool, typer.Option("--against-graph", help="Compare the newest snapshot with a full reading of Graph.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify that the stored blobs are intact, or that the newest snapshot is what Graph shows.

    A worker opens every blob of one snapshot, or of all (with --shallow it only hashes them). It compares each blob with its
    manifest, and each manifest with the hash in the next one. Every other blob of the tenant must be known to the catalog.
    Waits for the end of the job. Exit status 1 if a blob is damaged, missing or unknown.

    With --against-graph no blob is verified. A worker reads every resource that has a delta from the beginning, and reports
    records that differ although delta named no change. Exit status 1 if there are any.
    """
    if against_graph:
        _against_graph(name, snapshot, shallow=shallow, as_json=as_json)
        return
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


def _against_graph(name: str, snapshot: str | None, *, shallow: bool, as_json: bool) -> None:
    """Have the newest snapshot compared with Graph, and print the result."""
    if shallow or snapshot not in (None, "latest"):
        raise typer.BadParameter(
            "it compares the newest snapshot; omit --shallow and any other snapshot.", param_hint="--against-graph"
        )
    catalog = open_catalog()
    from shared.engine.requests.jobs import request_graph_verify

    job = wait_for(catalog, request_graph_verify(catalog, catalog.actor, name))
    result = graph_verification(job)
    if result is not None and as_json:
        print_document(result)
    elif result is not None:
        rows = [(each.resource, each.records, each.missing, each.extra, each.changed) for each in result.resources]
        print_table(("resource", "records", "missing", "extra", "changed"), rows, empty="No stream was compared.")
        if result.not_compared:
            print_line("Not compared:")
            print_table(("stream", "reason"), list(result.not_compared.items()), empty="")
    refuse_failed(job)
    if job.state is not JobState.SUCCEEDED:
        note(job.message or "")
        raise typer.Exit(1)
