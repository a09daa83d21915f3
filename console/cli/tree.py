"""The tree of commands. It imports nothing that a page of help does not need."""

from typing import Annotated

import typer

from console.cli import (
    audit,
    backup,
    catalog,
    compare,
    completion,
    download,
    jobs,
    key_change,
    metrics,
    notices,
    people,
    permissions,
    plan,
    resources,
    restore,
    schedule,
    snapshots,
    stack,
    store,
    tenant,
    token,
    verify,
    web,
)
from console.cli.output import print_line

app = typer.Typer(
    name="entrakeep",
    add_completion=False,  # its options would appear in every page of help; there is a command instead
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # a page of help with rich takes three times as long
)


def _print_version(wanted: bool) -> None:
    """Print the version and exit if ``wanted``."""
    if wanted:
        from importlib.metadata import version

        print_line(f"entrakeep {version('entrakeep')}")
        raise typer.Exit


@app.callback()
def entrakeep(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Back up Microsoft Entra ID directories under encryption keys that their owners control."""


app.add_typer(stack.app)
app.add_typer(web.app)
app.add_typer(tenant.app, name="tenant")
app.add_typer(resources.app)
app.add_typer(permissions.app)
app.add_typer(backup.app)
app.add_typer(jobs.app, name="jobs")
app.add_typer(snapshots.app)
app.add_typer(compare.app)
app.add_typer(plan.app, name="plan")
app.add_typer(restore.app)
app.add_typer(download.app)
app.add_typer(verify.app)
app.add_typer(schedule.app, name="schedule")
app.add_typer(key_change.app, name="key")  # the commands of ``key`` are in it
app.add_typer(metrics.app)
app.add_typer(audit.app, name="audit")
app.add_typer(people.app, name="people")
app.add_typer(token.app, name="token")
app.add_typer(notices.app, name="notices")
app.add_typer(catalog.app, name="catalog")
app.add_typer(store.app, name="store")
app.add_typer(completion.app)
