"""Write tables and lists in Markdown, and put generated parts into pages that are written by hand."""

from collections.abc import Iterable
from pathlib import Path


def table(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def code(names: Iterable[str]) -> str:
    """Return names as code, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def with_part(page: Path, begin: str, end: str, part: str) -> str:
    """Return the page with the text between its lines ``begin`` and ``end`` replaced by ``part``."""
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    return before + begin + part + end + after
