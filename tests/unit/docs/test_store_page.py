"""``docs/stores.md`` equals the table of store answers."""

import pytest

from shared.adapters.blobs.s3.row import Row
from shared.adapters.blobs.s3.table import ROWS
from tests.generated.stores import section


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_one_line_with_each_of_its_codes(row: Row) -> None:
    (line,) = (line for line in section().splitlines() if f" | {row.means} | " in line)
    assert line.count(" | ") == 2
    assert all(f"`{name}`" in line for name in row.codes)
