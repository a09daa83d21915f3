"""Print the results of the runs: medians, and how each figure was measured."""

import os
import platform
from collections.abc import Callable, Sequence
from statistics import median

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.archives import Archive
from benchmarks.measure import Measure
from benchmarks.moving import Moved
from benchmarks.revoking import Stopped
from benchmarks.watching import Watched

_HOW = """
Every measurement runs in a separate process, whose start is not timed. Download only: httpx gets a token and follows the
delta rounds of users and groups to their delta links, one page after the other, with the TLS and gzip settings of the
backup; each page is dropped. Full backup: one process runs all steps of a first backup, one after the other, from its first
claim to its snapshot. It reads every stream that the product protects, with KMS over HTTP, a folder as store, SQLite, and
Redis as budget. After changes: the next backup in the same home, after one in a hundred of the users and groups was changed
and each of those groups got another member. The three take turns, so that other load on the machine affects them equally.
Seconds are wall clock. Ratios are within one turn. The least and the most are in brackets. CPU seconds are of all threads of
the process. Calls to KMS are counted by the simulated KMS. Peak memory is that of the whole process, by getrusage. Stored
bytes are those of all files in the store: chunks, manifest and key objects. The simulator generates each object on request,
on the same cores: its CPU seconds are those during the run, and its limit is the time that it needs for these pages when two
clients only download. An object with more links than --links appears again on further pages. With the simulator's default of
200, most pages contain only a part of one large group.
"""
_HOW_STAGES = """
One further full backup with functions of the product wrapped. Each wrapper measures the CPU time of its thread, less that of
wrapped functions within. Waiting is not CPU time, so the stages add up to the process's CPU seconds and not to its wall
clock. All else is the time outside wrapped functions: threads that renew claim and lease, KMS, sign-in, the steps themselves.
"""
_HOW_MODELLED = """
The first pages of the same delta rounds through msgraph-sdk's typed models, until they have given the number of objects.
Seconds are wall clock. The start of the process is not timed.
"""
_HOW_ARCHIVES = """
A separate directory. Every user and group is one JSON file as Graph's delta sent it, with its links, in a folder for each of
the two kinds. restic backs that folder up into a new repository (format 2, Zstandard), and so does borg (repokey, Zstandard
level 3). Bytes are those of all files of the repository; ours are all files of the store after a first backup of the same
directory, which stores each link as a separate record.
"""

_HOW_COMPARISONS = """
A separate process compares the two newest snapshots of a home as 'entrakeep compare --json' does, and drops the document.
After changes: of the backups before and after one in a hundred of the users and groups was changed and each of those groups
got another member. Rewritten: of the last of these and a full backup, which shares no run with it and has the same records.
Seconds are wall clock from the request to the end of the job, with KMS over HTTP and a folder as store.
"""
_HOW_BROWSED = """
Separate processes browse snapshots of one home as 'entrakeep browse --json' does, and drop the lines. Search: in the newest
snapshot, for the name of a user, which one in 4,000 has. History: of one user through all snapshots of the home, after
backups between which 20 users were changed, among them that one. The first line is the first one that the command would
print. Seconds are wall clock from the request to the end of the job, with KMS over HTTP and a folder as store.
"""
_HOW_WATCHED = """
Streams of one backup, four for each sign-in, over HTTP on loopback, on SQLite. Steps of the backup end one after the other,
each at another moment between two looks. The lag is the time from a change's commit to its arrival at a stream. Console,
clients and writer share one process, so its CPU time and memory are those of all three.
"""
_HOW_STOPPED = """
One process runs a backup's step as a worker does, with KMS over HTTP and Redis as budget, while the step waits for a page
that Graph delays. The KMS key is disabled at a random moment of half a key lease, the interval at which leases are renewed.
Seconds are wall clock from just before the request to KMS, until the job has ended in SQL (polled 200 times a second), and
until the step has released Graph, its threads and its claim. The simulated KMS refuses at once. With AWS, add the time that
the change needs to take effect everywhere.
"""
_HOW_MOVED = """
One process runs the step of a key update as a worker does, with KMS over HTTP, a folder as store, and SQLite. Data key by
data key, it wraps, proves, stores and updates SQL. Then it erases older generations, opens each remaining key object under
the new key, and tries it under the operator's. Seconds are wall clock from the switch of the tenant's key to the end of the
job. Calls are counted by the simulated KMS, which runs on the same cores. They include those of the checks before the switch.
"""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one turn."""

    download: Measure
    """A bare download of the pages."""
    full: Measure
    """A full backup."""
    changed: Measure | None
    """A backup after changes; None if it was not requested."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The turns over one directory of ``users`` users and ``groups`` groups."""

    users: int
    groups: int
    turns: list[Turn]
    limit: float | None
    """The simulator's limit, in pages per second; None if it was not requested."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes that other programs and Entrakeep store for the same objects."""

    files: int
    """Number of files, one per object."""
    size: int
    """Bytes of these files."""
    archives: list[Archive]
    """The repositories of other programs."""
    stored: int
    """Bytes that Entrakeep stored."""


def print_machine(console: Console) -> None:
    """Print the Python version, the system and the number of cores."""
    system = f"{platform.system()} {platform.machine()}"
    console.print(f"Python {platform.python_version()}, {system}, {os.cpu_count()} cores")


def print_turns(console: Console, results: Results) -> None:
    """Print a table with a column each for the download, the full backup and the backup after changes."""
    first = results.turns[0].full
    objects, links = first.counts["objects"], first.counts["links"]
    size = f"{results.users:,} users, {results.groups:,} groups: {objects:,} objects, {links:,} links"
    title = f"{size}; {_runs(results.turns)}"
    has_changes = all(turn.changed for turn in results.turns)
    table = table_of(
        title, "", "download only", "full backup", "full : download", *(["after 1 % changed"] if has_changes else [])
    )
    downloads, fulls = [turn.download for turn in results.turns], [turn.full for turn in results.turns]
    changes = [turn.changed for turn in results.turns if turn.changed]
    columns = [downloads, fulls, changes] if has_changes else [downloads, fulls]

    def row(name: str, value: Callable[[Measure], float], form: str, ratio: str = "") -> None:
        cells = [_spread([value(each) for each in runs], form) for runs in columns]
        table.add_row(name, cells[0], cells[1], ratio, *cells[2:])

    row(
        "seconds",
        lambda each: each.seconds,
        ".2f",
        _spread(_ratios(fulls, downloads, lambda each: each.seconds), ".2f"),
    )
    cpu = _spread(_ratios(fulls, downloads, lambda each: each.cpu_seconds), ".2f")
    row("CPU seconds", lambda each: each.cpu_seconds, ".2f", cpu)
    row("simulator's CPU seconds", lambda each: each.served, ".2f")
    row("calls to KMS", lambda each: each.kms, ".0f")
    row("peak memory, MB", lambda each: each.peak / 1e6, ".0f")
    for name, many in (("objects a second", objects), ("links a second", links)):
        table.add_row(name, *(f"{many / median(each.seconds for each in runs):,.0f}" for runs in (downloads, fulls)))
    for name in dict.fromkeys(name for runs in columns for each in runs for name in each.steps):
        cells = [_steps(runs, name) for runs in columns]
        table.add_row(f"  {name}, s", cells[0], cells[1], "", *cells[2:])
    counts = downloads[0].counts
    table.add_row("pages", f"{counts['pages']:,}")
    table.add_row("MB of JSON", f"{counts['json'] / 1e6:.1f}")
    stored = [f"{median(each.counts['stored'] for each in runs) / 1e6:.2f}" for runs in columns[1:]]
    table.add_row("MB received, stored", f"{counts['received'] / 1e6:.1f}", stored[0], "", *stored[1:])
    if has_changes:
        table.add_row(
            "of the full backup's seconds", "", "", "", _spread(_ratios(changes, fulls, lambda m: m.seconds), ".2f")
        )
        table.add_row("of its bytes", "", "", "", _spread(_ratios(changes, fulls, lambda m: m.counts["stored"]), ".3f"))
    if results.limit is not None:
        table.add_row("simulator's limit, s", f"{counts['pages'] / results.limit:.2f}")
    console.print(table)


def print_stages(console: Console, measure: Measure) -> None:
    """Print the CPU seconds of a full backup by stage."""
    lines = measure.counts["objects"] + measure.counts["links"]
    table = table_of(
        f"Where a full backup's {measure.cpu_seconds:.2f} CPU seconds go", "", "CPU seconds", "share", "µs a record"
    )
    for name, seconds in measure.stages.items():
        table.add_row(name, f"{seconds:.2f}", f"{seconds / measure.cpu_seconds:.0%}", f"{seconds / lines * 1e6:.1f}")
    console.print(table)
    console.print(as_paragraph(_HOW_STAGES))


def print_modelled(console: Console, measure: Measure) -> None:
    """Print the objects per second that typed models read."""
    table = table_of("A sample through msgraph-sdk's typed models", "", "objects", "seconds", "objects a second")
    for name, seconds in measure.steps.items():
        count = measure.counts[name]
        table.add_row(name, f"{count:,}", f"{seconds:.2f}", f"{count / seconds:,.0f}")
    console.print(table)
    console.print(as_paragraph(_HOW_MODELLED))


def print_compared(console: Console, compared: Compared) -> None:
    """Print the bytes that each program stores for the same objects."""
    table = table_of(
        f"{compared.files:,} objects, {compared.size / 1e6:.1f} MB of JSON",
        "",
        "MB",
        "bytes an object",
        "ours : theirs",
    )
    for archive in compared.archives:
        if archive.stored is None:
            table.add_row(archive.program, "skipped", "no such program on the PATH", "")
            continue
        ratio = compared.stored / archive.stored
        table.add_row(
            archive.program, f"{archive.stored / 1e6:.2f}", f"{archive.stored / compared.files:,.0f}", f"{ratio:.3f}"
        )
    table.add_row("ours", f"{compared.stored / 1e6:.2f}", f"{compared.stored / compared.files:,.0f}", "")
    console.print(table)
    console.print(as_paragraph(_HOW_ARCHIVES))


def print_stopped(console: Console, stopped: Stopped) -> None:
    """Print how long a backup continued after its key was revoked."""
    many = len(stopped.ended)
    table = table_of(
        f"A revoked key stops a backup: {many} trials, key lease {stopped.lease:g} s", "", "median, s", "least", "most"
    )
    for name, times in (("job ended", stopped.ended), ("step let go", stopped.let_go)):
        table.add_row(name, f"{median(times):.2f}", f"{min(times):.2f}", f"{max(times):.2f}")
    console.print(table)
    console.print(as_paragraph(_HOW_STOPPED))


def print_watched(console: Console, watched: Watched) -> None:
    """Print how late streams of live progress learn of a change, and how often SQL is asked for them."""
    lags = sorted(watched.lags)
    table = table_of(f"{watched.streams:,} streams of live progress", "", "", "budget")
    table.add_row("lag, median, s", f"{median(lags):.2f}", "")
    table.add_row("lag, p95, s", f"{lags[len(lags) * 95 // 100]:.2f}", "")
    table.add_row("lag, most, s", f"{lags[-1]:.2f}", "1.5")
    table.add_row("queries for jobs a second", f"{watched.looks / watched.seconds:.2f}", "1")
    table.add_row("queries for sign-ins a second", f"{watched.sign_ins / watched.seconds:.2f}", "")
    table.add_row("CPU seconds a second", f"{watched.cpu_seconds / watched.seconds:.2f}", "")
    table.add_row("peak memory, MB", f"{watched.peak / 1e6:.0f}", "")
    console.print(table)
    console.print(as_paragraph(_HOW_WATCHED))


def print_moved(console: Console, moved: Moved) -> None:
    """Print how fast data keys moved to another KMS key, and the calls to KMS."""
    table = table_of(f"{moved.data_keys:,} data keys move to another KMS key", "", "", "a data key")
    table.add_row("seconds", f"{moved.seconds:.1f}", f"{moved.seconds / moved.data_keys * 1000:.1f} ms")
    table.add_row("CPU seconds", f"{moved.cpu_seconds:.1f}", f"{moved.cpu_seconds / moved.data_keys * 1000:.1f} ms")
    table.add_row("data keys a second", f"{moved.data_keys / moved.seconds:.1f}", "")
    for part, seconds in moved.parts.items():
        table.add_row(f"  {part}, s", f"{seconds:.1f}", f"{seconds / moved.data_keys * 1000:.1f} ms")
    calls = moved.calls
    table.add_row("calls to KMS", f"{sum(calls.values()):,}", f"{sum(calls.values()) / moved.data_keys:.2f}")
    for action, count in calls.items():
        table.add_row(f"  {action}", f"{count:,}", f"{count / moved.data_keys:.2f}")
    console.print(table)
    console.print(as_paragraph(_HOW_MOVED))


def print_comparisons(console: Console, users: int, groups: int, changed: Measure, rewritten: Measure) -> None:
    """Print how long comparisons of two snapshots took, and how much memory."""
    title = f"Comparisons: {users:,} users, {groups:,} groups"
    table = table_of(title, "", "1 % changed", "rewritten, equal")
    runs = (changed, rewritten)
    table.add_row("differences", *(f"{each.counts['differences']:,}" for each in runs))
    table.add_row("seconds", *(f"{each.seconds:.2f}" for each in runs))
    table.add_row("CPU seconds", *(f"{each.cpu_seconds:.2f}" for each in runs))
    table.add_row("peak memory, MB", *(f"{each.peak / 1e6:.0f}" for each in runs))
    table.add_row("MB of JSON", *(f"{each.counts['json'] / 1e6:.2f}" for each in runs))
    console.print(table)
    console.print(as_paragraph(_HOW_COMPARISONS))


def print_browsed(console: Console, users: int, groups: int, search: Measure, history: Measure) -> None:
    """Print how long a search and the history of an object took, and how much memory."""
    title = f"Browse: {users:,} users, {groups:,} groups"
    table = table_of(title, "", "search", "history")
    runs = (search, history)
    table.add_row("snapshots read", "1", f"{history.counts['snapshots']:,}")
    table.add_row("lines", *(f"{each.counts['lines']:,}" for each in runs))
    table.add_row("first line, s", *(_steps([each], "first line") for each in runs))
    table.add_row("seconds", *(f"{each.seconds:.2f}" for each in runs))
    table.add_row("CPU seconds", *(f"{each.cpu_seconds:.2f}" for each in runs))
    table.add_row("peak memory, MB", *(f"{each.peak / 1e6:.0f}" for each in runs))
    console.print(table)
    console.print(as_paragraph(_HOW_BROWSED))


def print_how(console: Console) -> None:
    """Print how the figures of the turns were measured."""
    console.print(as_paragraph(_HOW))


def table_of(title: str, *columns: str) -> Table:
    """Return an empty table, whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def _runs(turns: Sequence[Turn]) -> str:
    return f"median of {len(turns)}" if len(turns) > 1 else "one run"


def _ratios(
    numerators: Sequence[Measure], denominators: Sequence[Measure], value: Callable[[Measure], float]
) -> list[float]:
    return [value(one) / value(other) for one, other in zip(numerators, denominators, strict=True)]


def _steps(runs: Sequence[Measure], name: str) -> str:
    seconds = [each.steps[name] for each in runs if name in each.steps]
    return f"{median(seconds):.2f}" if seconds else ""


def _spread(values: Sequence[float], spec: str) -> str:
    middle = format(median(values), spec)
    return f"{middle} ({format(min(values), spec)}–{format(max(values), spec)})" if len(values) > 1 else middle


def as_paragraph(text: str) -> str:
    """Return a text as one line."""
    return text.replace("\n", " ").strip()
