"""What the store holds under KMS keys that are not trusted, as commands show it."""

from collections.abc import Iterable

import typer

from console.cli.asking import somebody_answers
from console.cli.documents import Document, moment, to_second
from console.cli.output import note, print_line
from shared.domain.arns import account_of, check_form, is_alias, region_of
from shared.domain.errors import Code, Refuse
from shared.domain.trust import Untrusted, described, located


def untrusted_document(found: Untrusted) -> Document:
    """Return an entry of the list ``untrusted``."""
    return {
        "arn": found.arn,
        "account": account_of(found.arn),
        "region": region_of(found.arn),
        "data_keys": found.data_keys,
        "manifests": found.manifests,
        "found_at": moment(found.found_at),
    }


def untrusted_line(document: Document) -> str:
    """Return an entry of the list ``untrusted`` for people."""
    found = Untrusted(arn=document["arn"], data_keys=document["data_keys"], manifests=document["manifests"])
    return f"{described(found)}, found {to_second(document['found_at'])}"


def print_untrusted(found: Iterable[Untrusted]) -> None:
    """Print what was left alone, and what to do about it."""
    print_line("Left alone, for neither catalog nor audit trail names its KMS key:")
    for each in found:
        print_line(f"  {described(each)}")
    print_line(
        "If a key is the tenant's own, say so: 'entrakeep catalog rebuild --trust-key ARN'. If it is not, somebody"
    )
    print_line("has written into the store: docs/threat-model.md says what to do.")


def confirmed_keys(arns: Iterable[str]) -> frozenset[str]:
    """Return the KMS keys that the operator trusts, each shown with account and Region and, on a terminal, confirmed.

    Raises Refuse ``KEY_INVALID`` for what is no ARN of a key.
    """
    named = sorted(set(arns))
    for arn in named:
        check_form(arn)
        if is_alias(arn):
            raise Refuse(
                Code.KEY_INVALID, f"{arn} is an alias, which may be made to point elsewhere: name the key itself."
            )
    for arn in named:
        note(f"Trusted on your word: {located(arn)}.")
    if named and somebody_answers():
        typer.confirm("Whoever owns these keys can make snapshots for the tenants. Trust them?", err=True, abort=True)
    return frozenset(named)
