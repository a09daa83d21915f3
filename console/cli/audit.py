"""``entrakeep audit``: who did what to a tenant, and proof that nobody has changed this record."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, AuditedName, Installation, Output, examples
from console.cli.opening import open_catalog, open_engine
from console.cli.output import note, print_document, print_line
from console.cli.tables import print_table
from console.documents.audit import EventDocument, event_document, trail_verification
from console.documents.times import to_second
from console.documents.words import counted
from console.download_file import to_file, to_standard_output
from shared.domain.audit import INSTALLATION
from shared.domain.errors import Code, Refuse
from shared.ports.catalog.audit import AuditedTenant

if TYPE_CHECKING:
    from shared.domain.audit_chain import Verdict
    from shared.ports.catalog.database import Catalog

app = typer.Typer(help="Show and verify the audit trail, which outlives a tenant.")


@app.command(
    epilog=examples(
        "entrakeep audit show contoso",
        "entrakeep audit show contoso --limit 10 --json | jq -r '.[].action'",
        "entrakeep audit show --installation",
    )
)
def show(
    name: AuditedName = None,
    installation: Installation = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Show at most this number of events.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the last events, newest first.

    The trail of a removed tenant ends with its removal. If several tenants had the name, the last one is shown; give the id
    for another one. The events are not checked: use 'entrakeep audit verify' for that.
    """
    catalog = open_catalog()
    tenant = _chain(catalog, name, installation)
    documents = [event_document(entry, tenant.name) for entry in catalog.tenant(tenant.tenant_id).audit.recent(limit)]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            str(row.number),
            to_second(row.at),
            row.actor,
            row.action,
            "\n".join(f"{field} {_word(value)}" for field, value in _fields(row)),
        )
        for row in documents
    ]
    empty = f"{tenant.name} has no events yet."
    print_table(("event", "time", "actor", "action", "about"), rows, empty=empty)


@app.command(epilog=examples("entrakeep audit verify contoso", "entrakeep audit verify contoso --json"))
def verify(name: AuditedName = None, installation: Installation = False, as_json: AsJson = False) -> None:
    """Verify that no event was changed, removed or inserted.

    Checks the hash chain of the events, and compares it with the heads that are stored in the store. Needs no key and no
    running stack. Exit status 1 if an event does not match; the first one is named.
    """
    context = open_engine()
    from shared.engine.audit import refused_broken, verify_audit

    tenant = _chain(context.catalog, name, installation)
    verdict = verify_audit(context, tenant.tenant_id)
    if as_json:
        print_document(trail_verification(verdict, tenant.name))
    refused_broken(verdict)
    if not as_json:
        _print_verdict(verdict, tenant.name)


@app.command(
    epilog=examples(
        "entrakeep audit export contoso -o contoso-audit.jsonl",
        "entrakeep audit export contoso -o - | jq -r .actor | sort | uniq -c",
    )
)
def export(output: Output, name: AuditedName = None, installation: Installation = False) -> None:
    """Write every event to a file, oldest first.

    Each line is one event as JSON with its hash; docs/audit.md describes how to verify the chain. If the export fails, FILE
    is neither created nor changed.
    """
    if not output:
        raise Refuse(Code.WRONG_USE, "-o needs the name of a file, or - for standard output.")
    catalog = open_catalog()
    from shared.engine.audit_reading import exported_pages

    tenant = _chain(catalog, name, installation)
    count = 0
    with to_standard_output() if output == "-" else to_file(output) as sink:
        for page in exported_pages(catalog.tenant(tenant.tenant_id).audit):
            sink.write(page)
            count += page.count(b"\n")
    if output != "-":
        note(f"{counted(count, 'event')} written to {output}.")


def _chain(catalog: "Catalog", name: str | None, installation: bool) -> AuditedTenant:
    """Return the tenant, or the installation, whose trail is requested.

    Raise Refuse ``WRONG_USE`` unless exactly one is given, ``NO_SUCH_TENANT`` if the tenant never existed.
    """
    if (name is None) is not installation:
        raise Refuse(Code.WRONG_USE, "Give the NAME of a tenant, or --installation.")
    if name is None:
        return AuditedTenant(tenant_id=INSTALLATION, name="the installation", removed=False)
    return catalog.find_audited(name)


def _fields(event: EventDocument) -> list[tuple[str, object]]:
    """Return an event's subjects and details that have a value."""
    fields: list[tuple[str, object]] = [*event.subject.items(), *event.detail.items()]
    return [(field, value) for field, value in fields if value is not None]


def _word(value: object) -> str:
    """Return a value as text, and a truth value in lower case, as JSON has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _print_verdict(verdict: "Verdict", name: str) -> None:
    """Print the result of a verification that found no fault."""
    if verdict.head is None:
        print_line(f"{name} has no events yet.")
        return
    heads = counted(verdict.heads, "head")
    print_line(f"Verified {counted(verdict.events, 'event')} of {name} and {heads} in the store: all intact.")
    for first, last in verdict.lost:
        print_line(f"Lost events {first:,} to {last:,}: the catalog was rebuilt, and the trail continues after them.")
