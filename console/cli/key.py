"""``entrakeep key``: the KMS key that a tenant's data keys are wrapped by."""

import typer

from console.cli.arguments import AsJson, Name, examples
from console.cli.documents import Document, key_document, to_second
from console.cli.opening import open_catalog
from console.cli.output import print_document, print_line
from console.cli.tables import print_fields
from console.cli.waiting import refuse_failed, wait_for
from shared.domain.errors import Code
from shared.domain.model import Asked, JobKind, JobState

app = typer.Typer(help="The KMS key of a tenant.")

_STATES = {
    Code.KEY_ACCESS_REVOKED: "revoked",
    Code.KEY_UNREACHABLE: "unreachable",
    Code.KEY_MISCONFIGURED: "misconfigured",
}


@app.command(epilog=examples("entrakeep key show contoso"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show which key wraps a tenant's data keys.

    As the catalog knows it, with what the workers' probes found and what they warn of. Asks KMS nothing: 'entrakeep key
    check' does.
    """
    catalog = open_catalog()
    tenant = catalog.find(name)
    of = catalog.tenant(tenant.tenant_id)
    document = key_document(tenant, of.keys.state(), of.health.get(), of.health.history())
    if as_json:
        print_document(document)
        return
    told = {
        "data_keys": "\n".join(f"{count:,} under {arn}" for arn, count in document["data_keys"].items()),
        "warnings": "\n".join(warning["message"] for warning in document["warnings"]),
        "history": "\n".join(
            f"{to_second(event['at'])} {event['state']}: {' '.join([event['message'], *_sentences(event)])}"
            for event in document["history"]
        ),
    }
    print_fields([(field, told.get(field, value) or None) for field, value in document.items()])


def _sentences(event: Document) -> list[str]:
    return [warning["message"] for warning in event["warnings"]]


@app.command(epilog=examples("entrakeep key check contoso"))
def check(name: Name, as_json: AsJson = False) -> None:
    """Ask KMS whether the key may be used.

    A worker does, with the workers' own credentials. Exit status 1 if it may not.
    """
    catalog = open_catalog()
    job, _ = catalog.tenant(catalog.find(name).tenant_id).jobs.ask(JobKind.KEY_CHECK, asked=Asked.HAND)
    job = wait_for(catalog, job)
    state = "ok" if job.state is JobState.SUCCEEDED else _STATES.get(job.code) if job.code else None
    if as_json and state is not None:
        print_document({"state": state, "code": job.code, "message": job.message})
    refuse_failed(job)
    if not as_json:
        print_line(f"KMS answers for the key of {name}.")
