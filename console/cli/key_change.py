"""``entrakeep key enable`` and ``update``: a key of the tenant's own, checked, agreed to, and put in the place of the
one before."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, KeyArn, Name, Wait, examples
from console.cli.asking import check_terminal, who
from console.cli.documents import Document, job_document, key_job_of
from console.cli.key import app
from console.cli.opening import open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.waiting import note_hindrances, refuse_failed, wait_for

if TYPE_CHECKING:
    from shared.domain.model import Job, Tenant
    from shared.ports.catalog import Catalog

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
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Make the checks, and change nothing.")] = False,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="Agree to the terms; needed where there is no terminal.")
    ] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Put a tenant under a KMS key of its owner's own. There is no way back.

    A worker checks the key first ('entrakeep key policy' shows what it must allow). Then the terms are shown and agreed to,
    and every data key of the tenant is moved.
    """
    if not (rehearse or accept_terms):
        check_terminal("give --accept-terms to agree to the terms, or --rehearse to check the key alone")
    catalog = open_catalog()
    from shared.engine.key_management.asking import ask_check, ask_enable, check_may_enable, checked_arn

    tenant = catalog.find(name)
    handle = catalog.tenant(tenant.tenant_id)
    check_may_enable(handle, tenant, arn)
    check = _checked(catalog, ask_check(handle, arn), as_json=as_json, last=rehearse)
    if rehearse:
        if not as_json:
            print_line("The key is fit. Nothing was changed.")
        return
    if not _agreed(accept_terms, as_json):
        note("Nothing was changed.")
        raise typer.Exit(1)
    _told(catalog, tenant, ask_enable(handle, checked_arn(check), who()), wait=wait, as_json=as_json)


@app.command(
    epilog=examples(
        "entrakeep key update contoso --arn arn:aws:kms:eu-central-1:444455556666:key/… --wait",
        "entrakeep key show contoso   # may the key before be disabled?",
    )
)
def update(name: Name, arn: KeyArn, wait: Wait = False, as_json: AsJson = False) -> None:
    """Change to another KMS key of the tenant's own.

    A worker checks it first. Keep the key before enabled until 'entrakeep key show' says that it is free: backups and
    downloads go on meanwhile, under both. The same ARN once more takes up a change that was cut off.
    """
    catalog = open_catalog()
    from shared.engine.key_management.asking import ask_check, ask_update, check_may_update, checked_arn

    tenant = catalog.find(name)
    handle = catalog.tenant(tenant.tenant_id)
    check_may_update(tenant, arn)
    check = _checked(catalog, ask_check(handle, arn), as_json=as_json)
    _told(catalog, tenant, ask_update(handle, checked_arn(check)), wait=wait, as_json=as_json)


def _checked(catalog: "Catalog", job: "Job", *, as_json: bool, last: bool = False) -> "Job":
    """The check of a key, ended; each check is shown as it passes. With ``last`` its document is what the command prints.

    Raises Refuse with the code and the sentence of the one that failed.
    """
    job = wait_for(catalog, job, None if as_json else _shown_checks())
    if as_json and last:
        print_document(key_job_of(job))
    refuse_failed(job)
    return job


def _shown_checks() -> "Callable[[Job], None]":
    """What to tell of a job that checks a key each time it was looked at: checks that were made since are printed."""
    shown = 0

    def show(job: "Job") -> None:
        nonlocal shown
        made: list[Document] = (key_job_of(job) or {}).get("checks", [])
        for each in made[shown:]:
            more = f"  {each['message']}" if each["outcome"] == "warned" else ""
            print_line(f"{each['outcome']}  {each['check']}{more}")
        shown = len(made)

    return show


def _agreed(accept_terms: bool, as_json: bool) -> bool:
    """Shows the terms; whether they are agreed to."""
    from shared.engine.key_management.terms import present_terms

    terms = present_terms()
    if accept_terms:
        if not as_json:
            print_line(f"{terms.text}\nAgreed to by --accept-terms.")
        return True
    note(terms.text)
    said: str = typer.prompt(f"Type '{_AGREED}' to agree", default="", show_default=False, err=True)
    return said.strip().rstrip(".").casefold() == _AGREED.casefold()


def _told(catalog: "Catalog", tenant: "Tenant", job: "Job", *, wait: bool, as_json: bool) -> None:
    """Says which job changes the key, or waits for its end."""
    if not wait:
        note_hindrances(catalog)
        if as_json:
            print_document({"job": job.job_id})
        else:
            print_line(f"Job {job.job_id} moves every data key. Look with 'entrakeep key show {tenant.name}'.")
        return
    job = wait_for(catalog, job)
    if as_json:
        print_document({**job_document(job, tenant.name), **(key_job_of(job) or {})})
    refuse_failed(job)
    if not as_json:
        moved = key_job_of(job) or {}
        print_line(f"Every data key of {tenant.name} is under {moved.get('arn')}.")
        if moved.get("database"):
            print_line(moved["database"])
