"""``entrakeep restore``: put a directory back, carry out a plan, undo a restore, and show what became of one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from console.cli.arguments import AsJson, Name, Wait, checked_format, examples, words
from console.cli.naming import newest_snapshot
from console.cli.opening import open_catalog, open_engine
from console.cli.output import print_document, print_line, write
from console.cli.plan import PlanOut, show_made_plan, show_plan
from console.cli.plan_view import print_report
from console.cli.restore_options import Chosen, with_plan_options
from console.cli.waiting import print_requested, refuse_failed, wait_for
from console.documents.plans import RestoreReportDocument, report_document
from console.documents.results import job_with_results
from console.documents.words import counted
from console.download_file import to_file
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job

if TYPE_CHECKING:
    from shared.engine.requests.restores import RestoreRequest
    from shared.ports.catalog.database import Catalog

app = typer.Typer()

_FORMATS = ("table", "json", "csv")

SnapshotOrNone = Annotated[
    str | None,
    typer.Argument(
        metavar="SNAPSHOT",
        help="The snapshot to restore: an id, or latest.",
        callback=words,
        autocompletion=newest_snapshot,
    ),
]
PlanOrFile = Annotated[
    str | None,
    typer.Option(
        "--plan", metavar="PLAN|FILE", help="Carry out this plan: its id, or the file of --plan-out.", callback=words
    ),
]
Undo = Annotated[
    str | None,
    typer.Option("--undo", metavar="JOB", help="Undo this restore, in what it has written.", callback=words),
]
Report = Annotated[
    str | None,
    typer.Option("--report", metavar="JOB", help="Show the result of each operation of this restore.", callback=words),
]
PasswordRecipient = Annotated[
    str | None,
    typer.Option(
        "--password-recipient",
        metavar="KEY",
        help="The age or SSH public key to which passwords of created users are encrypted.",
        callback=words,
    ),
]


Passwords = Annotated[
    str | None,
    typer.Option(
        "--passwords",
        metavar="FILE",
        help="With --report: write the passwords of created users to this file, encrypted. They are kept no longer.",
        callback=words,
    ),
]


@app.command(
    epilog=examples(
        "entrakeep restore contoso latest --id 5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22 --dry-run",
        "entrakeep restore contoso latest --id 5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22 --reason 'ticket 17' --wait",
        "entrakeep restore contoso --plan 8c1e3f2b-5f0a-4f57-9f53-0d6f2f6b8a11 --wait",
        "entrakeep restore contoso --report 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11 --format csv",
        "entrakeep restore contoso --undo 3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11 --wait",
    )
)
@with_plan_options
def restore(
    name: Name,
    chosen: Chosen,
    snapshot: SnapshotOrNone = None,
    plan: PlanOrFile = None,
    undo: Undo = None,
    report: Report = None,
    password_recipient: PasswordRecipient = None,
    passwords: Passwords = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only plan, and show the plan: the same as 'plan make --wait'.")
    ] = False,
    plan_out: PlanOut = None,
    wait: Wait = False,
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="With --report: table, json or csv.")
    ] = "table",
    as_json: AsJson = False,
) -> None:
    """Restore a directory from a snapshot, as far as the options say.

    The workers of a running stack back up the directory, plan, write, back up again and compare. The first backup is the
    undo point. Look at the plan first with --dry-run. Without options it covers everything; objects that were created after
    the snapshot are left alone. Needs a restore identity: 'entrakeep tenant update NAME --restore-client-id'.
    """
    basis = _Basis(snapshot, plan, undo)
    _check_one(*basis, report)
    if snapshot is None and chosen.narrowed:
        raise Refuse(Code.WRONG_USE, "--plan, --undo and --report take no scope and no rules: these belong to a plan.")
    if report is not None:
        _about(name, report, checked_format(format, _FORMATS, as_json=as_json), passwords, password_recipient)
        return
    if passwords is not None or format != "table":
        raise Refuse(Code.WRONG_USE, "--format and --passwords belong to --report.")
    request = chosen.request(password_recipient)
    catalog = open_catalog()
    if dry_run or plan_out is not None:
        _plan_only(catalog, name, request, basis, plan_out, as_json=as_json)
        return
    _follow(catalog, name, _requested(catalog, name, request, basis), wait=wait, as_json=as_json)


class _Basis(NamedTuple):
    """The basis of a restore: a snapshot, a plan, or a restore to undo."""

    snapshot: str | None
    plan: str | None
    undo: str | None


def _check_one(*ways: str | None) -> None:
    """Raise Refuse ``WRONG_USE`` unless exactly one of a snapshot, ``--plan``, ``--undo`` and ``--report`` is given."""
    if sum(value is not None for value in ways) != 1:
        raise Refuse(Code.WRONG_USE, "Give one of: a SNAPSHOT to restore, --plan, --undo or --report.")


def _plan_only(
    catalog: "Catalog", name: str, request: "RestoreRequest", basis: _Basis, plan_out: str | None, *, as_json: bool
) -> None:
    """Make a plan and show it, or show the plan that is named."""
    from shared.engine.requests.restores import request_plan, request_undo_plan

    if basis.plan is not None:
        show_plan(name, _plan_id(catalog, name, basis.plan), plan_out, as_json=as_json)
    elif basis.undo is not None:
        job = request_undo_plan(catalog, catalog.actor, name, basis.undo, request)
        show_made_plan(catalog, name, job, plan_out, as_json=as_json)
    else:
        job = request_plan(catalog, catalog.actor, name, basis.snapshot or "latest", request)
        show_made_plan(catalog, name, job, plan_out, as_json=as_json)


def _requested(catalog: "Catalog", name: str, request: "RestoreRequest", basis: _Basis) -> Job:
    """Request the restore and return its job."""
    from shared.engine.requests.restores import request_planned, request_restore, request_undo

    if basis.plan is not None:
        return request_planned(catalog, catalog.actor, name, _plan_id(catalog, name, basis.plan), request)
    if basis.undo is not None:
        return request_undo(catalog, catalog.actor, name, basis.undo, request)
    return request_restore(catalog, catalog.actor, name, basis.snapshot or "latest", request)


def _plan_id(catalog: "Catalog", name: str, plan: str) -> str:
    """Return the id of a plan that is given by its id or its file. Raise Refuse if the file is not the stored plan."""
    if os.sep not in plan and not Path(plan).exists():
        return plan
    from shared.engine.requests.restores import plan_in

    try:
        with Path(plan).open("rb") as file:
            return plan_in(catalog, name, file.readlines())
    except OSError as error:
        raise Refuse(Code.WRONG_USE, f"The file {plan} cannot be read: {error.strerror}.") from None


def _follow(catalog: "Catalog", name: str, job: Job, *, wait: bool, as_json: bool) -> None:
    """Say how to follow the restore; with ``wait``, wait for its end and print what became of it."""
    if not wait:
        print_requested(catalog, job, as_json=as_json)
        return
    job = wait_for(catalog, job)
    handle = catalog.tenant(job.tenant_id)
    carried_out = bool(handle.restores.states(job.job_id))
    if as_json:
        print_document(job_with_results(job, name, handle.jobs.steps(job.job_id)))
    elif carried_out:
        print_report(_report(name, job.job_id))
    refuse_failed(job)
    if not as_json and not carried_out:
        print_line("Nothing was to be written: the plan has no operation.")


def _report(name: str, job_id: str) -> RestoreReportDocument:
    """Return the report of a restore."""
    context = open_engine()
    from shared.engine.requests.restores import restore_report

    job, rows = restore_report(context, name, job_id)
    return report_document(job, name, rows)


def _about(name: str, job_id: str, format: str, passwords: str | None, recipient: str | None) -> None:
    """Print the report of a restore, or hand out the passwords of the users that it has created."""
    if passwords is not None:
        _hand_out(name, job_id, passwords, recipient, as_json=format == "json")
        return
    document = _report(name, job_id)
    if format == "json":
        print_document(document)
    elif format == "csv":
        from console.cli.restore_report import csv_rows

        write(b"".join(csv_rows(document)))
    else:
        print_report(document)


def _hand_out(name: str, job_id: str, file: str, recipient: str | None, *, as_json: bool) -> None:
    """Write the passwords of created users to a file, encrypted."""
    context = open_engine()
    from console.documents.plans import HandedOut
    from shared.engine.requests.restores import hand_out_passwords

    actor = context.catalog.actor
    number = hand_out_passwords(context, actor, name, job_id, recipient, lambda: to_file(file))
    if as_json:
        print_document(HandedOut(job=job_id, passwords=number, file=file))
    else:
        print_line(f"{counted(number, 'password')} written to {file}, encrypted. Entrakeep has deleted its own copies.")
