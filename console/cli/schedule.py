"""``entrakeep schedule``: set, show, pause and resume scheduled backups."""

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.cli.arguments import AsJson, Name, examples
from console.cli.opening import now, open_catalog
from console.cli.output import print_document, print_line
from console.cli.tables import print_fields, print_table
from console.documents.schedules import ScheduleDetails, schedule_details
from console.documents.times import to_second
from shared.domain.schedule import next_due

app = typer.Typer(help="Schedule backups.")


@app.command(
    "set",
    epilog=examples(
        "entrakeep schedule set contoso --cron '0 */6 * * *'",
        "entrakeep schedule set contoso --cron '30 2 * * 1-5' --timezone Europe/Berlin",
    ),
)
def set_schedule(
    name: Name,
    cron: Annotated[str, typer.Option("--cron", metavar="CRON", help="Five fields: minute hour day month weekday.")],
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Time zone of the cron fields.")] = "UTC",
) -> None:
    """Set the schedule of backups.

    Replaces the current schedule, even a paused one.
    """
    next_due(cron, timezone, now())  # refuse a malformed one before the catalog is opened
    catalog = open_catalog()
    from shared.engine.requests.schedules import set_schedule as request_schedule

    schedule = request_schedule(catalog, catalog.actor, name, cron, timezone, now())
    print_line(f"Scheduled. The next backup of {name} is due at {_in_zone(schedule.next_due, timezone)}.")


@app.command(epilog=examples("entrakeep schedule show contoso"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show the schedule: in words, its next ten runs, and what happens when clocks change."""
    catalog = open_catalog()
    schedule = catalog.tenant(catalog.find(name).tenant_id).schedules.get()
    document = schedule_details(schedule, now()) if schedule else None
    if as_json:
        print_document(document)
    elif schedule is None or document is None:
        print_line(f"{name} has no schedule. Set one with 'entrakeep schedule set {name} --cron \"0 */6 * * *\"'.")
    else:
        _print_details(document, _in_zone(schedule.next_due, schedule.timezone))


@app.command(epilog=examples("entrakeep schedule pause contoso"))
def pause(name: Name) -> None:
    """Pause scheduled backups."""
    catalog = open_catalog()
    from shared.engine.requests.schedules import pause_schedule

    pause_schedule(catalog, catalog.actor, name)
    print_line(f"Paused the schedule of {name}. Continue it with 'entrakeep schedule resume {name}'.")


@app.command(epilog=examples("entrakeep schedule resume contoso"))
def resume(name: Name) -> None:
    """Resume scheduled backups. Missed backups are skipped."""
    catalog = open_catalog()
    from shared.engine.requests.schedules import resume_schedule

    schedule = resume_schedule(catalog, catalog.actor, name, now())
    print_line(f"Resumed. The next backup of {name} is due at {_in_zone(schedule.next_due, schedule.timezone)}.")


def _print_details(document: ScheduleDetails, due: str | None) -> None:
    """Print a schedule with its next runs and the clock changes of the coming year."""
    print_fields(
        [
            ("cron", document.cron),
            ("words", document.runs.words),
            ("timezone", document.timezone),
            ("paused", document.paused),
            ("next", due),
            ("longest gap", str(timedelta(seconds=document.runs.longest_gap_seconds))),
        ]
    )
    runs = [(run.local, to_second(run.at)) for run in document.runs.next]
    heading = "run if resumed" if document.paused else "next runs"
    print_table((heading, "in UTC"), runs, empty="")
    for change in document.runs.clock_changes:
        print_line(change.message)


def _in_zone(due: datetime | None, timezone: str) -> str | None:
    """Return the time by the clock of the schedule's zone, to the second, with the zone's name and offset."""
    if due is None:
        return None
    local = due.astimezone(ZoneInfo(timezone))
    return (
        f"{local:%Y-%m-%d %H:%M:%S} {timezone} (UTC{local:%z})"
        if timezone != "UTC"
        else f"{local:%Y-%m-%d %H:%M:%S} UTC"
    )
