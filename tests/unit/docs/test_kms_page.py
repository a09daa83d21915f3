"""``docs/keys.md`` equals the table of KMS answers."""

import pytest

from shared.adapters.kms.row import Row
from shared.adapters.kms.table import ROWS
from tests.generated.keys import section


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_one_line_with_each_of_its_codes(row: Row) -> None:
    (line,) = (line for line in section().splitlines() if f" | {row.means} | " in line)
    assert line.count(" | ") == 4
    assert all(f"`{name}`" in line for name in row.codes)
