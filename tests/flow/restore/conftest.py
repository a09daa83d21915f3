"""One stack for all stories that a test process runs in turn, and a directory and tenant of its own for each story."""

from collections.abc import Iterator

import pytest

from tests.flow.points import FOLDER
from tests.flow.restore.story import Story
from tests.flow.stack import Stack, running_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("restore")
    with running_stack(folder, store=f"file://{folder}/store") as stack:
        application = "tests.flow.restore.restoring_worker"
        stack.start("beat", "worker", application=application, environment={FOLDER: str(stack.home)})
        yield stack


@pytest.fixture
def story(stack: Stack) -> Iterator[Story]:
    with Story(stack) as story:
        yield story
