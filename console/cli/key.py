"""``entrakeep key``: the KMS key that wraps a tenant's data keys."""

from typing import Annotated, Any

import typer

from console.cli.arguments import AsJson, KeyArnOrNone, Name, examples
from console.cli.opening import now, open_catalog, open_engine
from console.cli.output import note, print_document, print_line
from console.cli.tables import fields_of, print_fields, print_policy
from console.cli.untrusted import untrusted_line
from console.cli.waiting import refuse_failed, wait_for
from console.documents.keys import (
    AgreementDocument,
    ChangeDocument,
    KeyDocument,
    KeyEventDocument,
    key_check_document,
    key_document,
    policy_document,
)
from console.documents.times import to_second

app = typer.Typer(help="Show, check and change a tenant's KMS key.")


@app.command(epilog=examples("entrakeep key show contoso"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show which key wraps a tenant's data keys.

    Shows the catalog's state of the key, with the results and warnings of the workers' probes. 'untrusted' lists data keys
    and manifests under other KMS keys that the last sweep or rebuild found in the store; nothing uses them. Does not ask KMS:
    use 'entrakeep key check' for that.
    """
    catalog = open_catalog()
    from shared.engine.requests.customer_keys import key_overview

    document = key_document(*key_overview(catalog, name))
    if as_json:
        print_document(document)
        return
    print_fields(key_fields(document))


def key_fields(document: KeyDocument) -> list[tuple[str, Any]]:
    """Return the fields of a document of ``key show`` for people."""
    texts = {
        "data_keys": "\n".join(f"{count:,} under {arn}" for arn, count in document.data_keys.items()),
        "warnings": "\n".join(warning.message for warning in document.warnings),
        "history": "\n".join(
            f"{to_second(event.at)} {event.state}: {event.message}{_warned(event)}" for event in document.history
        ),
        "untrusted": "\n".join(untrusted_line(each) for each in document.untrusted),
        "agreed": _agreed_text(document.agreed),
        "change": _change_text(document.change),
    }
    shown = {**fields_of(document), **{field: text or None for field, text in texts.items()}}
    return [*shown.items()]


def _agreed_text(agreed: AgreementDocument | None) -> str:
    """Return who agreed to which terms and when, or an empty text."""
    return f"{agreed.by}, {to_second(agreed.at)}, version {agreed.version}" if agreed else ""


def _change_text(change: ChangeDocument | None) -> str:
    """Return the state of the latest change of the key, or an empty text."""
    if change is None:
        return ""
    return f"job {change.job} {change.state}: {change.moved:,} data keys moved, {change.to_move:,} to move"


def _warned(event: KeyEventDocument) -> str:
    """Return the sentence about an event's warnings, or an empty text without warnings."""
    names = ", ".join(warning.warning for warning in event.warnings)
    return f" Warnings: {names}." if names else ""


@app.command(epilog=examples("entrakeep key allow contoso", "entrakeep key allow contoso --take-back"))
def allow(
    name: Name,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take the permission back.")] = False,
) -> None:
    """Allow a tenant to have its own KMS key.

    This is the operator's permission and changes nothing by itself. 'entrakeep key enable' moves the tenant to its key. With
    --take-back the permission ends, as long as the tenant has no key of its own yet.
    """
    catalog = open_catalog()
    from shared.engine.requests.customer_keys import allow_key, disallow_key

    if take_back:
        had = disallow_key(catalog, catalog.actor, name)
        print_line(f"Taken back: {name} may not have its own key." if had else f"{name} had no permission. Unchanged.")
        return
    allow_key(catalog, catalog.actor, name)
    print_line(
        f"Allowed: {name} may have its own key. Its key administrator continues with 'entrakeep key policy {name}'."
    )


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
            help="The ARN of the workers' role or user. Default: those that the workers report, which lack a role's path.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the owner of a KMS key must allow.

    Prints the least permissions, for this tenant alone: as statements for the key's policy, and as steps for the AWS console,
    the AWS command line, CloudFormation and Terraform. If no worker has reported its identity, asks AWS for that of this
    process.
    """
    catalog = open_catalog()
    from shared.engine.requests.customer_keys import caller_of, callers_of, policy_for

    tenant = catalog.find(name)
    workers = [caller_of(principal)] if principal else callers_of(catalog, now())
    required = policy_for(tenant, workers or [caller_of(open_engine().keys.caller().principal)], arn)
    if len(required.principals) > 1:
        note(
            "The workers differ: the policy allows each of them. If one is wrong, name the right one with --principal."
        )
    if as_json:
        print_document(policy_document(required))
    else:
        print_policy(required)


@app.command(epilog=examples("entrakeep key check contoso"))
def check(name: Name, as_json: AsJson = False) -> None:
    """Check with KMS whether the key may be used.

    A worker asks, with the workers' own credentials. Exit status 1 if the key may not be used.
    """
    catalog = open_catalog()
    from shared.engine.requests.customer_keys import check_key

    job = wait_for(catalog, check_key(catalog, catalog.actor, name))
    if as_json and (document := key_check_document(job)) is not None:
        print_document(document)
    refuse_failed(job)
    if not as_json:
        print_line(f"Checked the key of {name}: KMS allows its use.")
