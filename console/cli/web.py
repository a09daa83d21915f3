"""``entrakeep web``: the console in a browser."""

import typer

from console.cli.arguments import examples
from console.cli.output import print_line

app = typer.Typer()


@app.command(epilog=examples("entrakeep web", "ENTRAKEEP_WEB_LISTEN=127.0.0.1:9000 entrakeep web"))
def web() -> None:
    """Serve the console, until Ctrl-C or SIGTERM.

    Needs the catalog alone, without keys and AWS credentials. It shows lists, jobs and keys while Redis, KMS, the store or
    Microsoft do not answer. ENTRAKEEP_WEB_URL is its address in browsers.
    """
    from console.web.serving import serve

    serve(print_line)
