"""``entrakeep jobs``: list, show, cancel and retry jobs."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, JobId, Since, TenantOption, examples
from console.cli.opening import open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.tables import fields_of, print_damaged, print_fields, print_key_job, print_strays, print_table
from console.cli.waiting import print_requested
from console.documents.changes import changes_of
from console.documents.jobs import job_document
from console.documents.key_jobs import key_job_of
from console.documents.results import job_details, restore_fields
from console.documents.times import to_second
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobState
from shared.ports.catalog.queries import JobFilter

if TYPE_CHECKING:
    from shared.ports.catalog.database import Catalog

app = typer.Typer(help="List, show, cancel and retry jobs.")


@app.command(
    "list",
    epilog=examples(
        "entrakeep jobs list",
        "entrakeep jobs list --tenant contoso --json",
        "entrakeep jobs list --state failed --since 2026-05-01 --limit 20",
    ),
)
def list_jobs(
    tenant: TenantOption = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Jobs of every tenant, the same as without --tenant.")
    ] = False,
    state: Annotated[
        list[JobState] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help=f"Only jobs in this state: {', '.join(JobState)}. Can be given several times.",
        ),
    ] = None,
    since: Since = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", metavar="N", min=1, max=100_000, help="Show at most this number of jobs, newest first."
        ),
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first.

    Shows the last hundred, or as many as --limit says.
    """
    if all_tenants and tenant is not None:
        raise Refuse(Code.WRONG_USE, "Give either --tenant or --all-tenants.")
    catalog = open_catalog()
    tenant_id = None if tenant is None else catalog.find(tenant).tenant_id
    wanted = JobFilter(tenant_id=tenant_id, states=tuple(state or ()), since=since, limit=limit)
    documents = [job_document(job, name) for job, name in catalog.queries().jobs(wanted)]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            row.id,
            row.tenant,
            row.kind,
            row.state,
            to_second(row.created_at),
            row.code or row.snapshot,
        )
        for row in documents
    ]
    narrow = state or since or tenant
    empty = "No job matches." if narrow else "There are no jobs yet. Request one with 'entrakeep backup NAME'."
    print_table(("job", "tenant", "kind", "state", "created", "snapshot or code"), rows, empty=empty)


@app.command(epilog=examples("entrakeep jobs show 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"))
def show(job: JobId, as_json: AsJson = False) -> None:
    """Show a job and its progress.

    Shows its state, the reason of a failure, and the progress of each resource.
    """
    catalog = open_catalog()
    from shared.engine.requests.jobs import job_overview

    row, tenant, steps, problems, made = overview = job_overview(catalog, job)
    document = job_details(*overview)
    if as_json:
        print_document(document)
        return
    shown = {**fields_of(job_document(row, tenant, steps)), "summary": document.summary, **restore_fields(row.detail)}
    print_fields([*shown.items()])
    rows = [
        (each.resource, each.state, each.records, each.changed, each.answer, changes_of(each.changes, made))
        for each in document.resources
    ]
    if rows:
        print_table(("resource", "state", "records", "lines written", "answer", "since the parent"), rows, empty="")
    if (key_job := key_job_of(row)) is not None:
        print_key_job(key_job)
    if document.damaged:
        print_damaged(document.damaged)
    for hindrance in problems:
        note(f"{hindrance} The job waits.")
    print_strays(document.strays or [])


@app.command(epilog=examples("entrakeep jobs cancel 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"))
def cancel(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job.

    A running job ends within seconds. A job that has ended stays unchanged.
    """
    catalog = open_catalog()
    from shared.engine.requests.jobs import cancel_job

    cancellation = cancel_job(catalog, catalog.actor, job)
    after = cancellation.job
    if as_json:
        print_document(job_document(after, _tenant_name(catalog, after)))
    elif after.state is JobState.CANCELLED and not cancellation.late:
        print_line("Cancelled.")
    elif after.state.ended:
        print_line(f"Not cancelled: the job has ended already ({after.state}).")
    else:
        print_line(f"Cancellation requested. Follow it with 'entrakeep jobs show {job}'.")


@app.command(epilog=examples("entrakeep jobs retry 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"))
def retry(job: JobId, as_json: AsJson = False) -> None:
    """Retry a backup, a key change, a plan or a restore that has ended, as a new job.

    A retried restore continues the plan that it had begun to carry out.
    """
    catalog = open_catalog()
    from shared.engine.requests.jobs import retry_job

    requested = retry_job(catalog, catalog.actor, job)
    retried = requested.job
    if not requested.new:
        note(f"A {retried.kind} job of the tenant is {retried.state} already: job {retried.job_id}.")
    print_requested(catalog, retried, new=requested.new, as_json=as_json)


def _tenant_name(catalog: "Catalog", job: Job) -> str:
    """Return the name of the job's tenant."""
    return catalog.tenant(job.tenant_id).tenant().name
