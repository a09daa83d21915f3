"""Print the measurements of the console."""

from rich.console import Console

from benchmarks.report import as_paragraph, table_of
from benchmarks.web import WebMeasure
from console.web.static_files import static_files

_HOW = """
One process serves the console; this one asks for each page in turn, over a new connection each time, as an operator who has
signed in. Meanwhile a third process writes to the catalog twenty times a second, as a backup does. Seconds are those to the
first byte of the answer, which is made whole before it is sent. CPU milliseconds are those of the console alone, without a
server of SQL. The queries are those that a page makes itself; beside them one query of the process asks every five seconds
whether beat, broker and workers live.
"""


def print_web(console: Console, measured: list[WebMeasure], rows: int) -> None:
    """Print a table for each database and number of tenants, and the weight of the files of a first visit."""
    for each in measured:
        title = f"Console: {each.tenants:,} tenants, {rows:,} jobs and snapshots, {each.database}"
        table = table_of(title, "page", "p50, ms", "p95, ms", "CPU, ms", "queries", "KB gzip", "elements")
        for page in each.pages:
            numbers = (
                f"{page.half * 1000:.0f}",
                f"{page.most * 1000:.0f}",
                f"{page.cpu * 1000:.0f}",
                f"{page.queries}",
            )
            table.add_row(page.path, *numbers, f"{page.zipped / 1024:.1f}", f"{page.elements:,}")
        console.print(table)
        console.print(f"memory: {each.rest / 1e6:.0f} MB at rest, {each.busy / 1e6:.0f} MB after these requests\n")
    files = table_of("Console: files of a first visit", "file", "KB gzip")
    for name, file in static_files().items():
        files.add_row(name, f"{len(file.zipped) / 1024:.1f}")
    console.print(files)
    console.print(as_paragraph(_HOW))
