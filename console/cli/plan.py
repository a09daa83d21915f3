"""``entrakeep plan``: make, list, show and withdraw plans of restores."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, Name, SnapshotId, Wait, examples, words
from console.cli.opening import open_catalog, open_engine
from console.cli.output import note, print_document, print_line
from console.cli.plan_view import print_plan, print_plans
from console.cli.restore_options import Chosen, with_plan_options
from console.cli.waiting import print_requested, refuse_failed, wait_for
from console.documents.plans import plan_document, plan_row_document
from console.download_file import to_file
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, PlanProgress

if TYPE_CHECKING:
    from shared.ports.catalog.database import Catalog

app = typer.Typer(help="Make, list, show and withdraw plans of restores.")

PlanOut = Annotated[
    str | None,
    typer.Option(
        "--plan-out",
        metavar="FILE",
        help="Write the plan to this file, with content of the directory in plaintext. 'restore --plan' takes it.",
        callback=words,
    ),
]
PlanId = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's id.", callback=words)]


@app.command(
    epilog=examples(
        "entrakeep plan make contoso latest --wait",
        "entrakeep plan make contoso latest --id 5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22 --reason 'ticket 17' --wait",
        "entrakeep plan make contoso 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11 --deleted-since latest --wait",
        "entrakeep plan make contoso latest --resource users --property department --plan-out plan.jsonl",
    )
)
@with_plan_options
def make(
    name: Name,
    snapshot: SnapshotId,
    chosen: Chosen,
    plan_out: PlanOut = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Plan a restore of a snapshot, without writing to the directory.

    Backs up the changes first, compares, and lists the operations in their order, what each needs, and what cannot be done.
    The plan can be carried out for 24 hours with 'entrakeep restore NAME --plan PLAN'. Without options it covers everything.
    Objects that were created after the snapshot are left alone.
    """
    catalog = open_catalog()
    from shared.engine.requests.restores import request_plan

    job = request_plan(catalog, catalog.actor, name, snapshot, chosen.request())
    if wait or plan_out is not None:
        show_made_plan(catalog, name, job, plan_out, as_json=as_json)
        return
    sentence = f"Job {job.job_id} is queued. Find its plan with 'entrakeep plan list {name}'."
    print_requested(catalog, job, sentence, as_json=as_json)


@app.command("list", epilog=examples("entrakeep plan list contoso"))
def list_plans(name: Name, as_json: AsJson = False) -> None:
    """List a tenant's plans, newest first."""
    catalog = open_catalog()
    from shared.engine.requests import restores

    documents = [plan_row_document(row, name) for row in restores.list_plans(catalog, name)]
    if as_json:
        print_document(documents)
    else:
        print_plans(documents)


@app.command(
    epilog=examples(
        "entrakeep plan show contoso 8c1e3f2b-5f0a-4f57-9f53-0d6f2f6b8a11",
        "entrakeep plan show contoso 8c1e3f2b-5f0a-4f57-9f53-0d6f2f6b8a11 --plan-out plan.jsonl",
    )
)
def show(name: Name, plan: PlanId, plan_out: PlanOut = None, as_json: AsJson = False) -> None:
    """Show a plan: its summary, each operation, and what is not restored and why.

    Runs in this process: needs the key's AWS credentials, and no running stack.
    """
    show_plan(name, plan, plan_out, as_json=as_json)


@app.command(epilog=examples("entrakeep plan withdraw contoso 8c1e3f2b-5f0a-4f57-9f53-0d6f2f6b8a11"))
def withdraw(name: Name, plan: PlanId, as_json: AsJson = False) -> None:
    """Withdraw a plan, so that nobody can carry it out."""
    catalog = open_catalog()
    from shared.engine.requests.restores import withdraw_plan

    row = withdraw_plan(catalog, catalog.actor, name, plan)
    if as_json:
        print_document(plan_row_document(row, name))
    else:
        print_line(f"Withdrawn: nobody can carry out the plan {plan} any more.")


def show_made_plan(catalog: "Catalog", name: str, job: Job, plan_out: str | None, *, as_json: bool) -> None:
    """Wait for the plan of a job, and show it. Raise Refuse with the job's code if it failed."""
    job = wait_for(catalog, job)
    refuse_failed(job)
    plan_id = job.detail.plan if isinstance(job.detail, PlanProgress) else None
    if plan_id is None:
        raise Refuse(Code.NO_SUCH_PLAN, f"The job {job.job_id} made no plan. Request it again.")
    show_plan(name, plan_id, plan_out, as_json=as_json)


def show_plan(name: str, plan_id: str, plan_out: str | None, *, as_json: bool) -> None:
    """Print a plan, and write it to a file if one is named."""
    context = open_engine()
    from shared.engine.requests.restores import open_plan, plan_text

    row, plan = open_plan(context, name, plan_id)
    if plan_out is not None:
        with to_file(plan_out) as sink:
            for line in plan_text(context, name, plan_id):
                sink.write(line)
        note(f"Plan {plan_id} written to {plan_out} (SHA-256 {row.sha256}).")
    document = plan_document(row, plan, name)
    if as_json:
        print_document(document)
    else:
        print_plan(document)
