"""``entrakeep jobs``: what was asked for, and how far it has come."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, JobId, Since, TenantOption, examples
from console.cli.documents import (
    damaged_of,
    job_document,
    job_with_resources,
    key_job_of,
    resources_of,
    strays_of,
    to_second,
)
from console.cli.hindrances import hindrances
from console.cli.opening import open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.tables import print_damaged, print_fields, print_key_job, print_strays, print_table
from console.cli.waiting import note_hindrances
from shared.domain.errors import Code, Refuse
from shared.domain.model import Asked, Job, JobKind, JobState
from shared.ports.overview import JobFilter

if TYPE_CHECKING:
    from shared.ports.catalog import Catalog

_ASKED_AGAIN = (JobKind.BACKUP, JobKind.KEY_ENABLE, JobKind.KEY_UPDATE)

app = typer.Typer(help="Look at jobs, cancel them, ask for them again.")


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
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="Of every tenant, as without --tenant.")] = False,
    state: Annotated[
        list[JobState] | None, typer.Option("--state", help="Only those in this state; may be given more than once.")
    ] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first: the last hundred, unless --limit says otherwise."""
    if all_tenants and tenant is not None:
        raise Refuse(Code.WRONG_USE, "Give either --tenant or --all-tenants.")
    catalog = open_catalog()
    tenant_id = None if tenant is None else catalog.find(tenant).tenant_id
    wanted = JobFilter(tenant_id=tenant_id, states=tuple(state or ()), since=since, limit=limit)
    documents = [job_document(job, name) for job, name in catalog.overview().jobs(wanted)]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            row["id"],
            row["tenant"],
            row["kind"],
            row["state"],
            to_second(row["created_at"]),
            row["code"] or row["snapshot"],
        )
        for row in documents
    ]
    narrow = state or since or tenant
    empty = "No job is like that." if narrow else "There is no job yet. Ask for one with 'entrakeep backup NAME'."
    print_table(("job", "tenant", "kind", "state", "created", "snapshot or code"), rows, empty=empty)


@app.command(epilog=examples("entrakeep jobs show 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"))
def show(job: JobId, as_json: AsJson = False) -> None:
    """Show a job.

    Its state, why it failed, and how far each resource has come.
    """
    catalog = open_catalog()
    found = catalog.find_job(job)
    steps = catalog.tenant(found.tenant_id).jobs.steps(job)
    waits_for = [] if found.state.ended else hindrances(catalog)
    document = {
        **job_with_resources(found, _tenant_name(catalog, found), steps),
        "hindrances": [hindrance._asdict() for hindrance in waits_for],
    }
    if as_json:
        print_document(document)
        return
    print_fields([*job_document(found, document["tenant"], steps).items()])
    rows = [
        (row["resource"], row["state"], row["records"], row["changed"], row["answer"])
        for row in resources_of(found, steps)
    ]
    if rows:
        print_table(("resource", "state", "records", "changed", "answer"), rows, empty="")
    if (of_key := key_job_of(found)) is not None:
        print_key_job(of_key)
    if damaged := damaged_of(found):
        print_damaged(damaged)
    for hindrance in waits_for:
        note(f"{hindrance} The job waits.")
    print_strays(strays_of(found))


@app.command(epilog=examples("entrakeep jobs cancel 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"))
def cancel(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job.

    One that runs ends within seconds; one that has ended stays as it is.
    """
    catalog = open_catalog()
    found = catalog.find_job(job)
    after = catalog.tenant(found.tenant_id).jobs.cancel(job)
    if as_json:
        print_document(job_document(after, _tenant_name(catalog, after)))
    elif found.state.ended:
        print_line(f"The job had ended already: {found.state}.")
    elif after.state.ended:
        print_line(f"The job is {after.state}.")
    else:
        print_line("The job is told to end.")


@app.command(epilog=examples("entrakeep jobs retry 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"))
def retry(job: JobId, as_json: AsJson = False) -> None:
    """Ask for a backup, or a change of key, again: a new job like one that has ended."""
    catalog = open_catalog()
    found = catalog.find_job(job)
    if not found.state.ended:
        raise Refuse(Code.BUSY, f"The job is still {found.state}. See 'entrakeep jobs show {job}'.")
    if found.kind not in _ASKED_AGAIN:
        sentence = (
            f"What a {found.kind} finds goes to whoever asks: ask with 'entrakeep {found.kind.replace('-', ' ')}'."
        )
        raise Refuse(Code.WRONG_USE, sentence)
    again, new = catalog.tenant(found.tenant_id).jobs.ask(
        found.kind, asked=Asked.HAND, full=found.full, detail=_asked_again(found), retried=job
    )
    if not new:
        note(f"A backup is {again.state} already: job {again.job_id}.")
    note_hindrances(catalog)
    if as_json:
        print_document({"job": again.job_id})
    elif new:
        print_line(f"Job {again.job_id} is queued. Look with 'entrakeep jobs show {again.job_id}'.")


def _asked_again(job: Job) -> dict[str, str] | None:
    """What a job like this one is told: a change of key, to which key."""
    return {"arn": job.detail["arn"]} if isinstance(job.detail, dict) and "arn" in job.detail else None


def _tenant_name(catalog: "Catalog", job: Job) -> str:
    return catalog.tenant(job.tenant_id).tenant().name
