"""``entrakeep key``: the KMS key that a tenant's data keys are wrapped by."""

from typing import Annotated, Any

import typer

from console.cli.arguments import AsJson, KeyArnOrNone, Name, examples
from console.cli.documents import Document, key_document, policy_document, to_second
from console.cli.opening import open_catalog, open_engine
from console.cli.output import print_document, print_line
from console.cli.tables import print_fields, print_policy
from console.cli.untrusted import untrusted_document, untrusted_line
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

    As the catalog knows it, with what the workers' probes found and what they warn of. 'untrusted' is what the last sweep
    or rebuild found in the store under other KMS keys: nothing uses it. Asks KMS nothing: 'entrakeep key check' does.
    """
    catalog = open_catalog()
    tenant = catalog.find(name)
    of = catalog.tenant(tenant.tenant_id)
    document = key_document(tenant, of.keys.state(), of.health.get(), of.health.history())
    document["untrusted"] = [untrusted_document(found) for found in of.upkeep.untrusted()]
    if as_json:
        print_document(document)
        return
    print_fields(key_fields(document))


def key_fields(document: Document) -> list[tuple[str, Any]]:
    """What a document of ``key show`` says, for people."""
    told = {
        "data_keys": "\n".join(f"{count:,} under {arn}" for arn, count in document["data_keys"].items()),
        "warnings": "\n".join(warning["message"] for warning in document["warnings"]),
        "history": "\n".join(
            f"{to_second(event['at'])} {event['state']}: {event['message']}{_warned(event)}"
            for event in document["history"]
        ),
        "untrusted": "\n".join(untrusted_line(found) for found in document["untrusted"]),
    }
    shown = {**document, **{field: text or None for field, text in told.items()}}
    return [*shown.items()]


def _warned(event: Document) -> str:
    names = ", ".join(warning["warning"] for warning in event["warnings"])
    return f" Warned of: {names}." if names else ""


@app.command(epilog=examples("entrakeep key allow contoso"))
def allow(name: Name) -> None:
    """Let a tenant have a KMS key of its own.

    The operator says so; it changes nothing by itself. 'entrakeep key enable' puts the tenant under its key.
    """
    catalog = open_catalog()
    catalog.tenant(catalog.find(name).tenant_id).customer_keys.allow()
    print_line(f"{name} may have a key of its own. Its key administrator goes on with 'entrakeep key policy {name}'.")


@app.command(
    epilog=examples(
        "entrakeep key policy contoso",
        "entrakeep key policy contoso --arn arn:aws:kms:eu-central-1:444455556666:key/…",
        "entrakeep key policy contoso --json | jq -r .terraform",
    )
)
def policy(
    name: Name,
    arn: KeyArnOrNone = None,
    principal: Annotated[
        str | None,
        typer.Option(
            "--principal",
            metavar="ARN",
            help="The role or user of the workers, if it is not ours here, or a role with a path.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the owner of a KMS key must allow.

    The least that it takes, for this tenant alone: as statements for the key's policy, and as steps in the console,
    for the AWS command line, CloudFormation and Terraform. AWS is asked who we are.
    """
    context = open_engine()
    from shared.engine.key_management.asking import policy_for

    found = policy_for(context, context.catalog.find(name), arn, principal)
    if as_json:
        print_document(policy_document(found))
    else:
        print_policy(found)


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
