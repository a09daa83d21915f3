"""``entrakeep verify``: whether what is stored is what was stored."""

from typing import Annotated

import typer

from console.cli.arguments import AsJson, Name, SnapshotOrAll, examples
from console.cli.opening import open_catalog
from console.cli.output import counted, print_document, print_line
from console.cli.tables import print_damaged, print_strays
from console.cli.waiting import refuse_failed, wait_for
from shared.domain.model import Asked, JobKind

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
    shallow: Annotated[bool, typer.Option("--shallow", help="Check hashes alone, without a key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that what is stored is what was stored.

    A worker opens every blob of the snapshot, or of all (with --shallow it only hashes each), compares it with its manifest,
    and each manifest with the hash
    that the next one has of it. Whatever else is stored for the tenant must be known to the catalog. Waits for the end; exit
    status 1 if a blob is damaged, missing or unknown.
    """
    catalog = open_catalog()
    jobs = catalog.tenant(catalog.find(name).tenant_id).jobs
    detail = {"shallow": True} if shallow else None
    job, _ = jobs.ask(JobKind.VERIFY, asked=Asked.HAND, snapshot=snapshot, detail=detail)
    job = wait_for(catalog, job)
    found = job.detail if isinstance(job.detail, dict) and "blobs" in job.detail else None
    if found is not None and as_json:
        document = {field: found[field] for field in ("snapshots", "blobs", "damaged", "strays")}
        print_document({**document, "shallow": shallow})
    elif found is not None and found["damaged"]:
        print_damaged(found["damaged"])
        print_strays(found["strays"])
    refuse_failed(job)
    if found is not None and not as_json:
        blobs, snapshots = counted(found["blobs"], "blob"), counted(found["snapshots"], "snapshot")
        if shallow:
            print_line(
                f"Checked the hashes of {blobs} in {snapshots}: all match. Nothing was opened; without --shallow it is."
            )
        else:
            print_line(f"Verified {blobs} in {snapshots}: all intact.")
        print_strays(found["strays"])
