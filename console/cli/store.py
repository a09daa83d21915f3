"""``entrakeep store``: show and adopt the store that belongs to the catalog."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, examples
from console.cli.output import note, print_document, print_line
from console.cli.prompts import check_terminal
from console.cli.tables import fields_of, print_fields
from console.documents.stores import store_document

if TYPE_CHECKING:
    from shared.engine.store.marked_store import MarkedStore

app = typer.Typer(help="Show or adopt the store of blobs.")


@app.command(epilog=examples("entrakeep store show", "entrakeep store show --json | jq -r .state"))
def show(as_json: AsJson = False) -> None:
    """Show the store of the settings, its mark, and the mark that the catalog knows.

    Changes nothing. Exit status 1 with STORE_NOT_OURS if the store does not carry the catalog's mark.
    """
    store = _opened()
    look = store.look()
    document = store_document(look)
    if as_json:
        print_document(document)
    else:
        print_fields([*fields_of(document).items()])
    if look.problem is not None:
        raise look.problem


@app.command(epilog=examples("entrakeep store adopt", "entrakeep store adopt --yes"))
def adopt(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Adopt the store of the settings as the catalog's.

    Use it for a bucket that was moved without its mark, for a new and empty bucket, and for a catalog that was restored from
    a backup. A store without a mark gets one. Every tenant's audit trail records the adoption. Blobs that only the previous
    store has can no longer be read: 'entrakeep verify' reports them, and a full backup does not need them.
    """
    if not yes:
        check_terminal("give --yes to adopt the store")
    store = _opened()
    look = store.look()
    if look.problem is None and look.known is not None and look.known.marked:
        _report(store, as_json, f"Not changed: the store at {look.place} belongs to this catalog already.")
        return
    if look.problem is not None:
        note(look.problem.message)
    if not yes and not typer.confirm(f"Adopt the store at {look.place}?", err=True):
        note("Nothing was changed.")
        raise typer.Exit(1)
    store.adopt()
    _report(store, as_json, f"Adopted: the store at {look.place} belongs to this catalog now.")


def _opened() -> "MarkedStore":
    """Return the store of the settings."""
    from shared import wiring

    return wiring.marked_store()


def _report(store: "MarkedStore", as_json: bool, sentence: str) -> None:
    """Print the sentence, or the state of the store as JSON."""
    if as_json:
        print_document(store_document(store.look()))
    else:
        print_line(sentence)
