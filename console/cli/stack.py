"""``entrakeep up`` and ``entrakeep demo``: start the stack on this machine."""

from typing import Annotated

import typer

from console.cli.arguments import examples

app = typer.Typer()


@app.command(epilog=examples("entrakeep up", "entrakeep up --no-flower --no-console"))
def up(
    no_flower: Annotated[
        bool, typer.Option("--no-flower", help="Do not run Flower, which shows the tasks in a browser.")
    ] = False,
    no_console: Annotated[bool, typer.Option("--no-console", help="Do not run the web console.")] = False,
) -> None:
    """Run the stack on this machine, until Ctrl-C or SIGTERM.

    Runs beat, a worker, Flower, the web console and, unless one answers already, Redis. Prints 'ready' when all of them
    answer. Jobs and stored data are kept in ENTRAKEEP_HOME.
    """
    from console.cli.up import run_up
    from console.parts import node_names, web_place
    from console.watch import Signs
    from shared import wiring
    from shared.engine.access import set_up

    settings = wiring.settings()
    web = None if no_console else web_place(wiring.web_settings())
    catalog = wiring.open_catalog()
    scheduler = catalog.scheduler()
    (worker,) = node_names(("worker",))
    status = run_up(
        home=settings.home.absolute(),
        broker_url=settings.broker_url.get_secret_value(),
        environment=wiring.child_environment(),
        flower=not no_flower,
        signs=Signs(beat=scheduler.last_tick, worker=lambda: scheduler.worker_silence(worker)),
        store=wiring.store_look(),
        web=web,
        set_up_code=lambda: set_up.new_code(catalog, wiring.clock().now()),
    )
    raise typer.Exit(status)


@app.command(epilog=examples("entrakeep demo", "entrakeep demo --keep"))
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running until Ctrl-C.")] = False,
) -> None:
    """Run a two-minute demo on a simulated directory.

    Backs up, downloads, compares, and disables and enables the key, with real processes on this machine against a simulated
    Graph and a simulated AWS. Needs no settings and leaves nothing behind.
    """
    from console.demo import run_demo

    raise typer.Exit(run_demo(keep))
