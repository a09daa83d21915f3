"""``entrakeep snapshots`` and ``entrakeep browse``: list snapshots, and show their records."""

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from console.cli.arguments import AsJson, Name, ResourceNames, SnapshotId, examples, words
from console.cli.opening import open_catalog, open_engine
from console.cli.output import note, print_document, printable, write
from console.cli.tables import print_table
from console.documents.changes import total_changes
from console.documents.snapshots import DanglingDocument, record_line, refused_document, snapshot_document
from console.documents.times import moment, to_second
from shared.domain.errors import Code, Refuse
from shared.domain.model import RefusedObject, Snapshot

if TYPE_CHECKING:
    from shared.engine.compare.dangling import DanglingReference
    from shared.engine.context import Context

app = typer.Typer()

_BATCH = 64 * 1024


@app.command(epilog=examples("entrakeep snapshots contoso", "entrakeep snapshots contoso --json | jq -r '.[0].id'"))
def snapshots(name: Name, as_json: AsJson = False) -> None:
    """List a tenant's snapshots, and what is missing in them."""
    catalog = open_catalog()
    from shared.engine.requests.lists import all_snapshots

    listed = list(all_snapshots(catalog, name))
    if as_json:
        print_document([snapshot_document(snapshot, name) for snapshot in listed])
        return
    rows = [
        (
            snapshot.snapshot_id,
            to_second(moment(snapshot.created_at)),
            snapshot.objects,
            snapshot.links,
            total_changes(snapshot),
            "complete" if snapshot.complete else "incomplete",
            what_lacks(snapshot),
        )
        for snapshot in listed
    ]
    empty = f"{name} has no snapshots yet. Make one with 'entrakeep backup {name} --wait'."
    print_table(("snapshot", "created", "objects", "links", "changes", "state", "missing"), rows, empty=empty)


@app.command(
    epilog=examples(
        "entrakeep browse contoso latest --resource users --search 'ana'",
        "entrakeep browse contoso latest --id 0b6c6f8e-7a43-4a5d-9a8c-6f0a2f6d3c11",
        "entrakeep browse contoso latest --id 0b6c6f8e-7a43-4a5d-9a8c-6f0a2f6d3c11 --history",
        "entrakeep browse contoso latest --refused",
        "entrakeep browse contoso latest --dangling",
        "entrakeep browse contoso latest --resource groups --json | jq .value.displayName",
    )
)
def browse(
    name: Name,
    snapshot: SnapshotId,
    resource: ResourceNames = None,
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="TEXT", help="Only records that contain this text, whatever its case."),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Only the object with this id and its links.", callback=words),
    ] = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="With --id: show when the object, its properties and its links changed, in all snapshots up to this one.",
        ),
    ] = False,
    refused: Annotated[
        bool,
        typer.Option(
            "--refused", help="List the objects that Graph refused, of partial resources, instead of records."
        ),
    ] = False,
    dangling: Annotated[
        bool,
        typer.Option(
            "--dangling",
            help="List the conditional access policies, assignments and consents that name objects which do not exist.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per line, each value byte for byte.")
    ] = False,
) -> None:
    """Show the records of a snapshot.

    Shows each record's key and name; with --id, the whole record. Runs in this process: needs the key's AWS credentials,
    and no running stack.
    """
    _check_combination(
        search=search is not None, id=id is not None, history=history, refused=refused, dangling=dangling
    )
    context = open_engine()
    from shared.engine.snapshots.browse import browse as records

    if refused:
        _write_refused(context, name, snapshot, resource or (), as_json)
        return
    if dangling:
        _write_dangling(context, name, snapshot, resource or (), as_json)
        return
    if history and id is not None:
        _write_history(context, name, snapshot, id, resource or (), as_json)
        return
    matches = records(context, context.catalog.find(name), snapshot, resource or (), search, id)
    lines = _record_lines(matches, as_json=as_json, whole=id is not None)
    if not _written(lines, at_once=search is not None) and not as_json:
        note("No record matches.")


def _check_combination(*, search: bool, id: bool, history: bool, refused: bool, dangling: bool) -> None:
    """Raise Refuse ``WRONG_USE`` for options that exclude each other."""
    if (refused or dangling) and (search or id or history or (refused and dangling)):
        option = "--refused" if refused else "--dangling"
        raise Refuse(Code.WRONG_USE, f"{option} can only be combined with --resource.")
    if history and (search or not id):
        raise Refuse(Code.WRONG_USE, "--history needs --id, and can only be combined with --resource.")


def _write_refused(context: "Context", name: str, snapshot: str, resources: Collection[str], as_json: bool) -> None:
    """Write a line for each object that Graph refused."""
    from shared.engine.snapshots.browse import refused

    objects = refused(context, context.catalog.find(name), snapshot, resources)
    if not _written(_refusal(each, refusal, as_json) for each, refusal in objects) and not as_json:
        note("No object was refused by Graph.")


def _record_lines(matches: Iterator[tuple[str, bytes]], *, as_json: bool, whole: bool) -> Iterator[bytes]:
    """Yield the text of each record: its key and name, or the ``whole`` record."""
    for key, value in matches:
        if as_json:
            yield record_line(key, value)
        elif whole:
            yield b"%b\n%b\n" % (key.encode(), _readable(value))
        else:
            yield f"{key}  {_name(value)}".rstrip().encode() + b"\n"


def _write_history(
    context: "Context", name: str, snapshot: str, object_id: str, resources: Collection[str], as_json: bool
) -> None:
    """Write the history of an object."""
    from console.cli.comparisons.history import event_document, event_lines
    from shared.engine.compare.history import history

    with history(context, context.catalog.find(name), snapshot, object_id, resources) as opened:
        events = opened.events()
        if as_json:
            count = _written(map(event_document, events))
        else:
            count = _written(event_lines(events, opened.names))
    if not count and not as_json:
        note("No change of the object matches.")


def _write_dangling(context: "Context", name: str, snapshot: str, resources: Collection[str], as_json: bool) -> None:
    """Write a line for each reference to an object that does not exist."""
    from shared.engine.compare.dangling import dangling

    references = dangling(context, context.catalog.find(name), snapshot, resources)
    if not _written(_dangling_line(each, as_json) for each in references) and not as_json:
        note("No policy, assignment or consent names an object that does not exist.")


def _dangling_line(reference: "DanglingReference", as_json: bool) -> bytes:
    """Return the line for a reference to an object that does not exist."""
    if as_json:
        document = DanglingDocument(
            key=reference.key,
            name=reference.name,
            property=reference.path,
            id=reference.id,
            unread=reference.unread,
        )
        return f"{json.dumps(msgspec.to_builtins(document))}\n".encode()
    unread = f"  (not known: {', '.join(reference.unread)} not read)" if reference.unread else ""
    parts = (reference.key, printable(reference.name or ""), reference.path, printable(reference.id))
    return f"{'  '.join(filter(None, parts))}{unread}\n".encode()


def _refusal(resource: str, refused: RefusedObject, as_json: bool) -> bytes:
    """Return the line for an object that Graph refused."""
    if as_json:
        return msgspec.json.encode(refused_document(resource, refused)) + b"\n"
    return f"{resource}  {printable(refused.id)}  request {refused.request_id or 'unknown'}\n".encode()


def what_lacks(snapshot: Snapshot) -> str:
    """Return a line for each resource that is missing or incomplete in the snapshot."""
    lines = []
    for report in snapshot.resources:
        reason = "as of an earlier snapshot" if report.stale else report.counted_refusals
        cause = "unknown to this version" if report.unknown else report.answer
        if report.lacking:
            lines.append(f"{report.resource}: {cause}{f' ({reason})' if reason else ''}")
    return "\n".join(lines)


def _written(lines: Iterator[bytes], *, at_once: bool = False) -> int:
    """Write lines: the first ones at once, then in batches, or all ``at_once``. Return their number.

    Hits of a search come ``at_once``, because the next one may be far away.
    """
    count, batch = 0, bytearray()
    for line in lines:
        count += 1
        batch += line
        if at_once or len(batch) >= _BATCH or count < 100:
            write(bytes(batch))
            batch.clear()
    write(bytes(batch))
    return count


def _readable(value: bytes) -> bytes:
    """Return the value with line breaks and unchanged tokens; with unpaired surrogates, return it unchanged."""
    try:
        return msgspec.json.format(value, indent=2)
    except msgspec.DecodeError:
        return value


def _name(value: bytes) -> str:
    """Return the names of the object, safe for a terminal."""
    try:
        fields = json.loads(value)
    except (ValueError, RecursionError):
        return ""
    names = (fields.get(field) for field in ("displayName", "userPrincipalName")) if isinstance(fields, dict) else ()
    return "  ".join(printable(name) for name in names if isinstance(name, str))
