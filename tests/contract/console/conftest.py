"""A console for each module: pages read, and tests that write use tenants of their own."""

from collections.abc import Iterator

import pytest

from tests.contract.console.served import Console, served_console


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with served_console(tmp_path_factory.mktemp("console")) as console:
        yield console
