"""A directory backed up, changed and backed up again by the real processes: every download is the directory of its time."""

from collections.abc import Iterator

import pytest

from tests.flow.stack import Stack, running_stack, same

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = ("--users", "300", "--groups", "30", "--policies", "12")
    with running_stack(tmp_path_factory.mktemp("backup"), *options) as stack:
        stack.start("beat", "worker")
        yield stack


def test_a_first_backup_is_the_directory(stack: Stack) -> None:
    tenant = stack.add("first")
    stack.backup(tenant)
    same(stack.download(tenant), stack.graph.records())
    assert "step begins" in (stack.home / "worker.log").read_text()
