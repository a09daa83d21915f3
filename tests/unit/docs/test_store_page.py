"""``docs/stores.md`` says what the table says that decides."""

import pytest

from shared.adapters.blobs.s3.row import Row
from shared.adapters.blobs.s3.table import ROWS
from tests.store_page import BEGIN, PAGE, page


def test_the_page_is_what_is_made_from_the_table() -> None:
    _, begin, end = PAGE.read_text().partition(BEGIN)
    assert begin + end == page(), "write it anew: python -m tests.store_page"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_one_line_with_every_code_that_it_names(row: Row) -> None:
    (line,) = (line for line in page().splitlines() if f" | {row.means} | " in line)
    assert line.count(" | ") == 2
    assert all(f"`{name}`" in line for name in row.codes)
