"""Prints what the runs found: medians, and how each figure was got."""

import os
import platform
from statistics import median

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measure

_HOW = """
Download only: httpx takes a token and follows the users' delta round to its delta link, one page after the other, with the
TLS and gzip that the backup has. Full backup: one process does all steps of a first backup, from its first claim to its
snapshot: KMS over HTTP, a folder as store, SQLite, Redis as budget. Both are processes of their own, in turn, and their
start is not timed. Seconds are wall clock; ratios are within one run; in brackets stand the least and the most. CPU seconds
are of all threads of the process. Peak memory is the whole process's, by getrusage. The simulator's limit is how long these
pages take when two clients do nothing but download.
""".replace("\n", " ").strip()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The runs over one directory. ``limit`` is the simulator's, in pages a second."""

    users: int
    downloads: list[Measure]
    backups: list[Measure]
    limit: float


def print_report(sizes: list[Found]) -> None:
    """A table for each size of directory, and how its figures were got."""
    console = Console()
    console.print(
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    for found in sizes:
        console.print(_table(found))
    console.print(_HOW)


def _table(found: Found) -> Table:
    title = f"{found.users:,} users, median of {len(found.backups)}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in ("download only", "full backup", "ratio"):
        table.add_column(name, justify="right")
    downloads, backups = found.downloads, found.backups
    ratios = [backup.seconds / download.seconds for download, backup in zip(downloads, backups, strict=True)]
    times = [[each.seconds for each in runs] for runs in (downloads, backups)]
    table.add_row("seconds", *(_spread(each) for each in (*times, ratios)))
    table.add_row("users a second", *(f"{found.users / median(each):,.0f}" for each in times))
    table.add_row("CPU seconds", *(f"{median(each.cpu_seconds for each in runs):.2f}" for runs in (downloads, backups)))
    table.add_row(
        "peak memory, MB", *(f"{median(each.peak for each in runs) / 1e6:.0f}" for runs in (downloads, backups))
    )
    for name in backups[0].steps:
        table.add_row(f"  {name}", "", f"{median(each.steps[name] for each in backups):.2f}")
    pages, stored = downloads[0].counts, backups[0].counts
    table.add_row("pages", f"{pages['pages']:,}")
    table.add_row("MB of JSON", f"{pages['json'] / 1e6:.1f}")
    table.add_row("MB received, stored", f"{pages['received'] / 1e6:.1f}", f"{stored['stored'] / 1e6:.1f}")
    table.add_row("simulator's limit, s", f"{pages['pages'] / found.limit:.2f}")
    return table


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
