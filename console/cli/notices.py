"""``entrakeep notices``: where mails, chat messages and webhooks report what happened."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, OfTenant, all_words, examples, words
from console.cli.opening import open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.tables import print_table
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from shared.ports.catalog.database import Catalog
    from shared.ports.catalog.notices import Delivery

app = typer.Typer(help="Where mails, chat messages and webhooks report what happened.")

TargetName = Annotated[str, typer.Argument(metavar="NAME", help="The target's name.", callback=words)]
_LOOK = 0.25
"""Seconds between two looks at a test."""
_PATIENCE = 40.0
"""Seconds to wait for the outcome of a test."""


@app.command(
    epilog=examples(
        "entrakeep notices add ops --kind mail --address ops@example.com",
        "entrakeep notices add siem --kind webhook --address-file ./url",
        "entrakeep notices add team --kind chat --address-file ./link --tenant contoso --notice key.refused",
    )
)
def add(
    name: TargetName,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="mail, chat or webhook.", callback=words)],
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDRESS", help="A mail address. URLs go into a file.", callback=words),
    ] = None,
    address_file: Annotated[
        Path | None,
        typer.Option("--address-file", metavar="FILE", help="A file with the URL alone, which may contain a secret."),
    ] = None,
    tenant: OfTenant = None,
    notice: Annotated[
        list[str] | None,
        typer.Option(
            "--notice",
            metavar="NOTICE",
            help="Which notices it gets; docs/notices.md lists them. Can be given several times. Default: all.",
            callback=all_words,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a notice target.

    Its address is sealed under a key of the installation. The secret of a webhook's signatures is printed once.
    """
    from shared.domain.notices import TargetKind

    if kind not in set(TargetKind):
        raise Refuse(Code.WRONG_USE, f"There is no kind {kind!a}: give mail, chat or webhook.")
    text = _address(address, address_file)
    catalog = open_catalog()
    tenant_id = _scope(catalog, tenant)
    from console.documents.notices import new_target_document
    from shared import wiring
    from shared.engine.requests.notices import add_target

    wiring.publish_installation_key(catalog)
    added = add_target(
        catalog,
        wiring.sealer(),
        wiring.clock(),
        tenant_id,
        name=name,
        kind=TargetKind(kind),
        address=text,
        notices=notice or (),
    )
    if as_json:
        print_document(new_target_document(added))
        return
    print_line(f"Added the target {added.target.name} ({added.target.place}).")
    if added.secret is not None:
        print_line(f"Secret of its signatures: {added.secret}")
        note("Give the secret to the receiver: it is not shown again.")
    note(f"Try it with '{_line('test', added.target.name, tenant)}'.")


@app.command("list", epilog=examples("entrakeep notices list", "entrakeep notices list --tenant contoso --json"))
def list_targets(tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List the notice targets of the installation or of a tenant, each with its newest deliveries."""
    from console.documents.notices import listed_target_document
    from console.documents.times import to_second
    from shared.domain.notices import choices
    from shared.engine.requests import notices

    catalog = open_catalog()
    tenant_id = _scope(catalog, tenant)
    documents = [listed_target_document(each) for each in notices.list_targets(catalog, tenant_id)]
    if as_json:
        print_document(documents)
        return
    rows = []
    for document in documents:
        last = document.deliveries[0] if document.deliveries else None
        shown = (None, None, None) if last is None else (last.notice, last.state, last.outcome)
        made_at = None if last is None else to_second(last.made_at)
        kinds = "all" if len(document.notices) == len(choices(tenant_id)) else "\n".join(document.notices)
        rows.append((document.name, document.kind.value, document.place, kinds, *shown, made_at))
    columns = ("target", "kind", "place", "notices", "last", "state", "outcome", "time")
    print_table(columns, rows, empty="There are no notice targets. Add one with 'entrakeep notices add'.")


@app.command(epilog=examples("entrakeep notices test ops", "entrakeep notices test team --tenant contoso"))
def test(name: TargetName, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Send a test to a notice target, and wait for the outcome. Needs a running stack."""
    from console.documents.notices import delivery_document
    from shared.engine.requests.notices import send_test

    catalog = open_catalog()
    tenant_id = _scope(catalog, tenant)
    target, delivery_id = send_test(catalog, tenant_id, name)
    delivery = _awaited(catalog, tenant_id, delivery_id)
    if as_json:
        print_document(delivery_document(delivery))
    elif delivery.state == "delivered":
        print_line(f"Delivered to {target.name} ({target.place}): {delivery.outcome}.")
    if delivery.state != "delivered":
        raise Refuse(
            Code.NOTICE_NOT_TAKEN, f"{target.name} ({target.place}) did not take the test: {delivery.outcome}."
        )


@app.command(epilog=examples("entrakeep notices remove ops", "entrakeep notices remove team --tenant contoso"))
def remove(name: TargetName, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Remove a notice target. Notices that wait for it are not sent."""
    from console.documents.notices import target_document
    from shared.engine.requests.notices import remove_target

    catalog = open_catalog()
    target = remove_target(catalog, _scope(catalog, tenant), name)
    if as_json:
        print_document(target_document(target))
    else:
        print_line(f"Removed the target {target.name}.")


def _address(address: str | None, file: Path | None) -> str:
    """Return the address. Raise Refuse ``WRONG_USE`` unless one option gives it, and for a URL on the command line."""
    from console.cli.credential_file import read_credential
    from shared.domain.notice_addresses import is_mail_address

    if (address is None) == (file is None):
        raise Refuse(Code.WRONG_USE, "Give either --address or --address-file.")
    if address is None:
        return read_credential(file, None)[1].reveal().decode()
    if not is_mail_address(address):
        raise Refuse(
            Code.WRONG_USE,
            "--address takes a mail address alone: other users of this machine see command lines. Put a URL into a file "
            "for --address-file.",
        )
    return address


def _scope(catalog: "Catalog", tenant: str | None) -> str | None:
    """Return the id of the tenant, or None for the installation. Raise Refuse ``NO_SUCH_TENANT``."""
    return None if tenant is None else catalog.find(tenant).tenant_id


def _awaited(catalog: "Catalog", tenant_id: str | None, delivery_id: str) -> "Delivery":
    """Return the delivery once it has ended. Raise Refuse ``STACK_NOT_RUNNING`` if nobody tries it."""
    from shared.domain.deadline import Deadline

    deadline, port = Deadline(_PATIENCE, time.monotonic), catalog.notice_targets(tenant_id)
    while (delivery := port.delivery(delivery_id)).state == "waiting":
        if deadline.over:
            raise Refuse(
                Code.STACK_NOT_RUNNING,
                "No worker has delivered the test. It is sent as soon as one runs: start the stack with 'entrakeep up'.",
            )
        time.sleep(_LOOK)
    return delivery


def _line(command: str, name: str, tenant: str | None) -> str:
    """Return a command line of this group."""
    import shlex

    return shlex.join(["entrakeep", "notices", command, name, *([] if tenant is None else ["--tenant", tenant])])
