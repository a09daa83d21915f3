"""Generate the table of volatile properties in ``docs/comparing.md`` from the table of resources."""

from shared.domain.resources import RESOURCES
from tests.generated.tables import code, table, with_part
from tests.pages import TOP

PAGE = TOP / "docs" / "comparing.md"
_BEGIN, _END = "<!-- The table is generated: make docs -->\n", "<!-- The end of the table -->\n"


def text() -> str:
    """Return the page with the table as it must be."""
    rows = [(f"`{row.resource}`", code(row.volatile)) for row in RESOURCES.values() if row.volatile]
    return with_part(PAGE, _BEGIN, _END, table(("resource", "volatile properties"), rows))
