"""``entrakeep compare``: show what differs between two snapshots."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import Ids, Name, ResourceNames, checked_format, examples, words
from console.cli.naming import newest_snapshot
from console.cli.opening import open_engine
from console.cli.output import note, write
from console.documents.words import counted
from console.download_file import to_file
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from shared.engine.compare.comparing import Comparison
    from shared.engine.context import Context

app = typer.Typer()

LIVE = "live"
_DIFFERENT = 3
"""The exit status of ``--exit-code`` unless the snapshots are equal."""
_BATCH = 64 * 1024
_AT_ONCE = 100
"""Parts of the report that are written as they come, so that the first ones appear at once."""
_FORMATS = ("table", "json", "csv", "html")
_Report = Callable[["Comparison"], Iterator[bytes]]


FirstSnapshot = Annotated[
    str,
    typer.Argument(
        metavar="A", help="The first snapshot's id, or latest.", callback=words, autocompletion=newest_snapshot
    ),
]
SecondSnapshot = Annotated[
    str,
    typer.Argument(
        metavar="B",
        help="The second snapshot's id, latest, or live: back up the changes now, and compare with that.",
        callback=words,
        autocompletion=newest_snapshot,
    ),
]
Properties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="PATH",
        help="Only changes of this property, such as department or conditions.users. Can be given several times.",
    ),
]
Ignored = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="PATH",
        help="Ignore changes of this property, beside the volatile ones. Can be given several times.",
    ),
]
OutputOrNone = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="The file to write, replaced only on success."),
]


@app.command(
    epilog=examples(
        "entrakeep compare contoso 5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22 latest",
        "entrakeep compare contoso latest live --summary",
        "entrakeep compare contoso latest live --resource conditionalAccessPolicies --exit-code",
        "entrakeep compare contoso latest live --format html -o changes.html",
    )
)
def compare(
    name: Name,
    a: FirstSnapshot,
    b: SecondSnapshot,
    resource: ResourceNames = None,
    id: Ids = None,
    property: Properties = None,
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="TEXT", help="Only records that contain this text, whatever its case."),
    ] = None,
    ignore: Ignored = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Show only the number of differences by resource.")
    ] = False,
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="table, json, csv, or html (one page to mail or print).")
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: OutputOrNone = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 unless the snapshots are equal in all that is compared.")
    ] = False,
) -> None:
    """Show what differs between two snapshots.

    Shows added, removed and changed records, and each changed property with both values. Volatile properties, such as
    signInActivity, are ignored; 'entrakeep resources --json' lists them. A resource that was not read for one of the
    snapshots is shown as not compared. In CSV, a cell that a spreadsheet would calculate gets an apostrophe in front. Runs in
    this process: needs the key's AWS credentials, and, except for live, no running stack. If it fails, FILE is neither
    created nor changed.
    """
    report = _report(checked_format(format, _FORMATS, as_json=as_json), name, summary=summary)
    if output == "":
        raise Refuse(Code.WRONG_USE, "-o needs the name of a file.")
    context = open_engine()
    from shared.engine.compare.comparing import compared
    from shared.engine.compare.scope import Scope

    scope = Scope(resource or (), id or (), property or (), search, ignore or ())
    tenant = context.catalog.find(name)
    first = context.catalog.tenant(tenant.tenant_id).snapshots.get(a)
    scope.check((first,))
    second = _live(context, name) if b == LIVE else b
    with _sink(output) as sink, compared(context, tenant, first.snapshot_id, second, scope) as comparison:
        _deliver(report(comparison), comparison, sink)
    if output not in (None, "-"):
        total = sum(number.total() for number in comparison.counts.values())
        note(f"{counted(total, 'difference')} written to {output}.")
    if exit_code and not comparison.equal:
        raise typer.Exit(_DIFFERENT)


def _report(format: str, tenant: str, *, summary: bool) -> _Report:
    """Return the function that yields the report's bytes."""
    if format == "json":
        from console.cli.comparisons.as_json import json_document

        return partial(json_document, summary=summary)
    if format == "csv":
        from console.cli.comparisons.as_csv import csv_rows

        return partial(csv_rows, summary=summary)
    if format == "html":
        from console.cli.comparisons.as_page import page

        return partial(page, tenant=tenant, summary=summary)
    from console.cli.comparisons.as_table import table

    return partial(table, summary=summary)


def _live(context: "Context", name: str) -> str:
    """Back up the changes now, by the workers of a running stack. Return the snapshot's id. Raise Refuse if that fails."""
    from console.cli.waiting import refuse_failed, wait_for
    from shared.engine.requests.jobs import request_backup

    catalog = context.catalog
    requested = request_backup(catalog, catalog.actor, name)
    if not requested.new:
        note(
            f"A backup of {name} is {requested.job.state} already: job {requested.job.job_id}. Comparing with that one."
        )
    job = wait_for(catalog, requested.job)
    refuse_failed(job)
    if job.snapshot is None:
        raise Refuse(Code.NO_SUCH_SNAPSHOT, f"The backup {job.job_id} made no snapshot.")
    return job.snapshot


@contextmanager
def _sink(output: str | None) -> Iterator[Callable[[bytes], object]]:
    """Yield the function that writes the report: to standard output, or to a file that appears only on success."""
    if output is None or output == "-":
        yield write
        return
    with to_file(output) as sink:
        yield sink.write


def _deliver(report: Iterable[bytes], comparison: "Comparison", write: Callable[[bytes], object]) -> None:
    """Write the report in batches, each only while the key may be used."""
    batch = bytearray()
    for number, part in enumerate(report):
        batch += part
        if len(batch) >= _BATCH or number < _AT_ONCE:
            comparison.check()
            write(bytes(batch))
            batch.clear()
    comparison.check()
    write(bytes(batch))
