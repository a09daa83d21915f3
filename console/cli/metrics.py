"""``entrakeep metrics``: the state of backups, queue, processes and keys, for Prometheus."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import examples
from console.cli.opening import now, open_catalog
from console.cli.output import print_line, write
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from console.cli.metrics_server import MetricsServer

app = typer.Typer()

Listen = Annotated[
    str | None,
    typer.Option("--listen", metavar="HOST:PORT", help="Serve the metrics over HTTP, until Ctrl-C or SIGTERM."),
]


@app.command(
    epilog=examples(
        "entrakeep metrics", "entrakeep metrics > entrakeep.prom", "entrakeep metrics --listen 127.0.0.1:9464"
    )
)
def metrics(listen: Listen = None) -> None:
    """Print metrics for Prometheus.

    They show the state of backups, queue, processes and keys. Reads the catalog alone, which beat and workers keep up to
    date. Use it with the textfile collector of Prometheus's node exporter; or, with --listen, let Prometheus read
    http://HOST:PORT/metrics, which needs no password and names the tenants.
    """
    catalog = open_catalog()
    from console.cli.exposition import exposition

    if listen is None:
        write(exposition(catalog, now()))
        return
    server = _server(listen, lambda: exposition(catalog, now()))
    print_line(f"ready http://{server.address}/metrics")
    server.serve_until_ended()


def _server(listen: str, metrics: Callable[[], bytes]) -> "MetricsServer":
    """Return a server at ``HOST:PORT``. Raise Refuse ``WRONG_USE`` if it cannot listen there."""
    from console.cli.metrics_server import MetricsServer

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise Refuse(Code.WRONG_USE, f"'{listen}' is not HOST:PORT. Give for instance --listen 127.0.0.1:9464.")
    try:
        return MetricsServer(host.strip("[]"), int(port), metrics)
    except OSError as error:
        raise Refuse(Code.WRONG_USE, f"Cannot listen at {listen}: {error.strerror}. Give another HOST:PORT.") from None
