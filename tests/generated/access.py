"""Generate the table of roles and actions in ``docs/access.md`` from the table that the code decides by."""

from shared.domain.access import RULES, Action, Role, Rule
from tests.generated.tables import table, with_part
from tests.pages import TOP

PAGE = TOP / "docs" / "access.md"
_BEGIN, _END = "<!-- The table is generated: make docs -->\n", "<!-- The end of the table -->\n"


def text() -> str:
    """Return the page with the table as it must be."""
    heads = ("action", *(role.value for role in Role), "c", "2", "t")
    rows = [_row(action, rule) for action, rule in RULES.items() if rule.roles]
    return with_part(PAGE, _BEGIN, _END, table(heads, rows))


def _row(action: Action, rule: Rule) -> list[str]:
    """Return the cells of an action."""
    roles = ["y" if role in rule.roles else "" for role in Role]
    return [f"`{action}`", *roles, "c" * rule.confirm, "2" * rule.second, "t" * rule.token]
