"""Print the measurements of plans and restores, and how they were made."""

from rich.console import Console

from benchmarks.measure import Measure
from benchmarks.report import as_paragraph, table_of

_QUOTA, _QUOTA_SECONDS = 3_000, 150
"""The writes that Graph allows an application in so many seconds. (Graph: "Service-specific throttling limits".)"""
_HOW_PLANNED = """
A tenant's first backup; then a third of the users is deleted, half of them for good, and a sixth is changed. One process
plans a restore of everything, from the check of the backup to the sealed plan in SQL: it reads both snapshots, the
recycle bins and the directory's facts. The backup that a plan waits for is made by another process before, and not timed.
"""
_HOW_RESTORED = """
Users that are in the recycle bin are restored, with one write each. The simulator enforces Graph's quotas and answers each
request after that latency, give or take a third. The quota allows 3,000 writes in a sliding window of 150 seconds; its least
time is that of a client that sends each window's writes at once. Seconds and CPU seconds are those of the writing step.
"""


def print_planned(console: Console, objects: int, plan: Measure) -> None:
    """Print how long a plan took, and how much memory."""
    table = table_of(f"Plan: {objects:,} users", "", "one run")
    for name, number in plan.counts.items():
        table.add_row(name, f"{number:,}")
    table.add_row("seconds", f"{plan.seconds:.2f}")
    table.add_row("CPU seconds", f"{plan.cpu_seconds:.2f}")
    table.add_row("peak memory, MB", f"{plan.peak / 1e6:.0f}")
    console.print(table)
    console.print(as_paragraph(_HOW_PLANNED))


def print_restored(console: Console, restore: Measure, latency: float) -> None:
    """Print how long a restore wrote, and the least time that Graph's quota allows."""
    operations, seconds = restore.counts["operations"], restore.steps["write"]
    least = (operations - 1) // _QUOTA * _QUOTA_SECONDS
    table = table_of(f"Restore: {operations:,} users", "", f"latency {latency:g} s")
    table.add_row("seconds of writing", f"{seconds:.1f}")
    table.add_row("least seconds by quota", f"{least}")
    if least:
        table.add_row("writing : quota", f"{seconds / least:.2f}")
    table.add_row("CPU seconds of writing", f"{restore.cpu_seconds:.2f}")
    table.add_row("CPU ms an operation", f"{restore.cpu_seconds / operations * 1000:.2f}")
    table.add_row("peak memory, MB", f"{restore.peak / 1e6:.0f}")
    console.print(table)
    console.print(as_paragraph(_HOW_RESTORED))
