"""Run all tests of this folder with the made-up table."""

from collections.abc import Iterator

import pytest

from tests.unit.domain.restore.table import made_up_table


@pytest.fixture(autouse=True, scope="session")
def restore_table() -> Iterator[None]:
    with made_up_table():
        yield
