"""``entrakeep key enable`` and ``update``: check the tenant's own key, agree to the terms, replace the previous key."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, KeyArn, Name, Wait, examples
from console.cli.key import app
from console.cli.opening import now, open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.prompts import check_terminal
from console.cli.waiting import print_requested, refuse_failed, wait_for
from console.documents.key_jobs import KeyChange, KeyValidation, key_change_job, key_job_of

if TYPE_CHECKING:
    from shared.domain.jobs import Job
    from shared.ports.catalog.database import Catalog

__all__ = ["app"]

_AGREED = "Yes, I agree"


@app.command(
    epilog=examples(
        "entrakeep key enable contoso --arn arn:aws:kms:eu-central-1:444455556666:key/… --rehearse",
        "entrakeep key enable contoso --arn arn:aws:kms:eu-central-1:444455556666:key/… --wait",
    )
)
def enable(
    name: Name,
    arn: KeyArn,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Only check the key; change nothing.")] = False,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="Agree to the terms. Needed without a terminal.")
    ] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Move a tenant to its owner's own KMS key. This cannot be undone.

    A worker checks the key first ('entrakeep key policy' shows what it must allow). Then you are asked to agree to the terms,
    and every data key of the tenant is moved.
    """
    if not (rehearse or accept_terms):
        check_terminal("give --accept-terms to agree to the terms, or --rehearse to check the key alone")
    catalog = open_catalog()
    from shared.engine.requests.customer_keys import check_key_to_enable, enable_key

    check = check_key_to_enable(catalog, catalog.actor, name, arn)
    check = _checked(catalog, check, as_json=as_json, last=rehearse)
    if rehearse:
        if not as_json:
            print_line("Checked: the key can be used. Nothing was changed.")
        return
    if not _agreed(accept_terms, as_json):
        note("Nothing was changed.")
        raise typer.Exit(1)
    job = enable_key(catalog, catalog.actor, name, check.job_id, now())
    _finish(catalog, name, job, wait=wait, as_json=as_json)


@app.command(
    epilog=examples(
        "entrakeep key update contoso --arn arn:aws:kms:eu-central-1:444455556666:key/… --wait",
        "entrakeep key show contoso   # can the previous key be disabled?",
    )
)
def update(name: Name, arn: KeyArn, wait: Wait = False, as_json: AsJson = False) -> None:
    """Change a tenant's own KMS key to another one.

    A worker checks the new key first. Keep the previous key enabled until 'entrakeep key show' reports that it is free:
    until then, backups and downloads use both keys. Give the same ARN again to resume an interrupted change.
    """
    catalog = open_catalog()
    from shared.engine.requests.customer_keys import check_key_to_update, update_key

    check = _checked(catalog, check_key_to_update(catalog, catalog.actor, name, arn), as_json=as_json)
    job = update_key(catalog, catalog.actor, name, check.job_id, now())
    _finish(catalog, name, job, wait=wait, as_json=as_json)


def _checked(catalog: "Catalog", job: "Job", *, as_json: bool, last: bool = False) -> "Job":
    """Wait for a key check. Return the job when it has ended; print each check when it is done.

    With ``last`` and ``as_json``, print the job's document, because the command prints nothing else. Raise Refuse with the
    code and the sentence of the check that failed.
    """
    job = wait_for(catalog, job, None if as_json else _shown_checks())
    if as_json and last:
        print_document(key_job_of(job))
    refuse_failed(job)
    return job


def _shown_checks() -> "Callable[[Job], None]":
    """Return a function that prints the checks which a key check has made since its last call."""
    shown = 0

    def show(job: "Job") -> None:
        nonlocal shown
        result = key_job_of(job)
        checks = result.checks if isinstance(result, KeyValidation) else []
        for each in checks[shown:]:
            message = f"  {each.message}" if each.outcome == "warned" else ""
            print_line(f"{each.outcome}  {each.check}{message}")
        shown = len(checks)

    return show


def _agreed(accept_terms: bool, as_json: bool) -> bool:
    """Show the terms. Return whether the user agrees to them."""
    from shared.engine.key_management.terms import present_terms

    terms = present_terms()
    if accept_terms:
        if not as_json:
            print_line(f"{terms.text}\nAgreed to by --accept-terms.")
        return True
    note(terms.text)
    reply: str = typer.prompt(f"Type '{_AGREED}' to agree", default="", show_default=False, err=True)
    return reply.strip().rstrip(".").casefold() == _AGREED.casefold()


def _finish(catalog: "Catalog", name: str, job: "Job", *, wait: bool, as_json: bool) -> None:
    """Print which job changes the key, or wait for its end and print the result."""
    if not wait:
        sentence = f"Job {job.job_id} moves every data key. Follow it with 'entrakeep key show {name}'."
        print_requested(catalog, job, sentence, as_json=as_json)
        return
    job = wait_for(catalog, job)
    if as_json:
        print_document(key_change_job(job, name))
    refuse_failed(job)
    result = key_job_of(job)
    if not as_json and isinstance(result, KeyChange):
        print_line(f"Moved: every data key of {name} is under {result.arn}.")
        if result.database:
            print_line(result.database)
