"""Generate the end of ``docs/json.md``: the document of each command."""

from tests.generated.schemas import PRINTED
from tests.pages import TOP

PAGE = TOP / "docs" / "json.md"
BEGIN = "## The document of each command\n"
"""The heading at which the generated part starts."""


def text() -> str:
    """Return the whole page."""
    rows = (
        f"| {', '.join(f'`{command}`' for command in row.commands)} | {row.meaning}{', one a line' if row.by_line else ''} "
        f"| [{row.name}.json](schemas/{row.name}.json) |\n"
        for row in PRINTED
    )
    table = f"| command | document | schema |\n| --- | --- | --- |\n{''.join(rows)}"
    return f"{PAGE.read_text().partition(BEGIN)[0]}{BEGIN}\n{table}"
