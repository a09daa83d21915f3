"""``entrakeep backup``: one job that reads a directory."""

from typing import Annotated

import typer

from console.cli.arguments import AsJson, Name, Wait, examples
from console.cli.opening import open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.waiting import print_requested, refuse_failed, wait_for
from console.documents.changes import total_changes
from console.documents.results import job_with_results
from console.documents.words import counted

app = typer.Typer()


@app.command(
    epilog=examples(
        "entrakeep backup contoso --wait",
        "entrakeep backup contoso --full",
        "entrakeep backup contoso --wait --json | jq -r .snapshot",
    )
)
def backup(
    name: Name,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, not only changes.")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Back up a tenant's directory.

    The workers of a running stack ('entrakeep up') do the job.
    """
    catalog = open_catalog()
    from shared.engine.requests.jobs import job_overview, request_backup

    requested = request_backup(catalog, catalog.actor, name, full=full)
    job = requested.job
    if not requested.new:
        note(f"A backup of {name} is {job.state} already: job {job.job_id}.")
        if full and not job.full:
            note("That job reads only changes: request a full backup again when it has ended.")
    if not wait:
        print_requested(catalog, job, new=requested.new, as_json=as_json)
        return
    job = wait_for(catalog, job)
    overview = job_overview(catalog, job.job_id)
    made = overview.made
    if as_json:
        print_document(job_with_results(job, name, overview.steps, made))
    refuse_failed(job)
    if not as_json and made is not None:
        print_line(f"Snapshot {made.snapshot_id}: {counted(made.objects, 'object')}, {counted(made.links, 'link')}.")
        if made.parent is not None:
            print_line(f"Since the previous snapshot: {total_changes(made)}.")
