"""What backups hold: the warnings to agree to before a resource is switched on, and the words about a choice."""

from typing import Annotated

import typer

from console.cli.output import note
from console.cli.prompts import check_terminal, confirm
from console.documents.words import counted
from shared.domain.resources.choice import FAMILIES, Choice

AcceptWarnings = Annotated[
    bool,
    typer.Option("--accept-warnings", help="Agree to the warnings of what is switched on. Needed without a terminal."),
]


def check_warnings(before: Choice, after: Choice, accepted: bool) -> None:
    """Show the warnings of the resources that only ``after`` has, and ask for agreement unless ``accepted``.

    Raise Refuse ``WRONG_USE`` without a terminal to ask at, and Exit if the user declines.
    """
    warned = [row for row in after.rows() if row.warning and not before.has(row)]
    if not warned:
        return
    if not accepted:
        check_terminal("give --accept-warnings to agree to the warnings of what is switched on")
    for row in warned:
        note(f"attention: {row.resource}: {row.warning}")
    confirm(accepted, "Switch this on?", "Nothing was changed.")


def choice_words(choice: Choice) -> str:
    """Return how much a choice holds, as sentences."""
    rows = choice.rows()
    families = {row.family for row in rows}
    kept = f"Backups hold {counted(len(rows), 'resource')} of {len(families)} of {len(FAMILIES)} families."
    parts = (("Switched off", choice.off), ("Switched on", choice.on))
    return " ".join([kept, *(f"{words}: {', '.join(names)}." for words, names in parts if names)])
