from collections.abc import Iterator

import pytest

from tests.simulator.aws.running import Aws, running


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[Aws]:
    with running() as aws:
        yield aws


@pytest.fixture
def aws(shared_aws: Aws) -> Aws:
    """Return the running simulator without faults and with its counters at zero."""
    shared_aws.control("DELETE", "faults")
    shared_aws.control("POST", "reset-counters")
    return shared_aws
