"""Data keys and manifests in the store under untrusted KMS keys, as commands show them."""

from collections.abc import Iterable

import typer

from console.cli.output import note, print_line
from console.cli.prompts import somebody_answers
from console.documents.keys import UntrustedDocument
from console.documents.times import to_second
from shared.domain.arns import check_form, is_alias
from shared.domain.errors import Code, Refuse
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


def confirmed_keys(arns: Iterable[str]) -> frozenset[str]:
    """Return the KMS keys that the operator trusts, after showing each with its account and Region.

    On a terminal, ask for confirmation. Raise Refuse ``KEY_INVALID`` for a text that is not the ARN of a key.
    """
    named = sorted(set(arns))
    for arn in named:
        check_form(arn)
        if is_alias(arn):
            raise Refuse(
                Code.KEY_INVALID,
                f"{arn} is an alias, which can be pointed to another key: give the ARN of the key itself.",
            )
    for arn in named:
        note(f"Trusted because you named it: {located(arn)}.")
    if named and somebody_answers():
        typer.confirm(
            "The owners of these keys can create snapshots for the tenants. Trust them?", err=True, abort=True
        )
    return frozenset(named)
