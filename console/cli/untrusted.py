"""Data keys and manifests in the store under untrusted KMS keys, as commands show them."""

from collections.abc import Collection, Iterable

import typer

from console.cli.output import note, print_line
from console.cli.prompts import somebody_answers
from console.documents.keys import UntrustedDocument
from console.documents.times import to_second
from shared.domain.trust import Untrusted, described, located


def untrusted_line(document: UntrustedDocument) -> str:
    """Return an entry of the list ``untrusted`` for people."""
    entry = Untrusted(arn=document.arn, data_keys=document.data_keys, manifests=document.manifests)
    return f"{described(entry)}, found {to_second(document.found_at)}"


def print_untrusted(entries: Iterable[Untrusted]) -> None:
    """Print what was skipped, and what to do about it."""
    print_line("Skipped, because neither the catalog nor the audit trail names the KMS key:")
    for each in entries:
        print_line(f"  {described(each)}")
    print_line(
        "If a key is the tenant's own, run 'entrakeep catalog rebuild --trust-key ARN'. If it is not, somebody else has"
    )
    print_line("written to the store: docs/threat-model.md says what to do.")


def confirm_trust(arns: Collection[str]) -> None:
    """Show each KMS key that the operator trusts, with its account and Region. On a terminal, ask for confirmation."""
    for arn in sorted(arns):
        note(f"Trusted because you named it: {located(arn)}.")
    if arns and somebody_answers():
        typer.confirm(
            "The owners of these keys can create snapshots for the tenants. Trust them?", err=True, abort=True
        )
