"""A simulated Graph over TLS, and sources that read it."""

import gc
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from shared.adapters.graph import GraphAccess, RetryPolicy
from shared.adapters.graph.source import GraphSource
from shared.adapters.graph.writing.target import GraphTarget
from shared.domain.model import CredentialKind
from shared.domain.secret import Secret
from shared.ports.directory import Identity
from tests.contract.graph.reading import RETRY_POLICY, Budget, Connect
from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator, simulated_graph


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore unclosed connections: httpcore leaves one to the garbage collector if a TLS handshake is cancelled."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))


@pytest.fixture(scope="module", autouse=True)
def collect_garbage() -> Iterator[None]:
    """Collect garbage after each module, before tests that do not ignore the warnings."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated_graph(tmp_path_factory.mktemp("graph"), "--objects", "120") as simulator:
        simulator.set("delta", {"page_size": 40})
        simulator.create("identity/conditionalAccess/policies", b'{"id":"p1","displayName":"One", "state":"enabled"}')
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.forget()


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
async def connect(simulator: Simulator, budget: Budget) -> AsyncIterator[Connect]:
    sources: list[GraphSource] = []

    def make(
        client_id: str = CLIENT_ID,
        secret: str = SECRET,
        directory_id: str = DIRECTORY_ID,
        check: Callable[[], None] = lambda: None,
        retry_policy: RetryPolicy = RETRY_POLICY,
        kind: CredentialKind = CredentialKind.SECRET,
        ca_file: Path | None = None,
    ) -> GraphSource:
        access = GraphAccess(
            graph_url=simulator.url,
            authority_url=simulator.url,
            trust=ssl.create_default_context(cafile=ca_file or simulator.ca_file),
            budgets=budget,
            token_seconds=60,
            retry_policy=retry_policy,
        )
        identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()), kind=kind)
        sources.append(access.connect(identity, check))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
async def target(simulator: Simulator, budget: Budget) -> AsyncIterator[GraphTarget]:
    """Yield a target for the simulator's directory."""
    access = GraphAccess(
        graph_url=simulator.url,
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=budget,
        token_seconds=60,
        retry_policy=RETRY_POLICY,
    )
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    target = access.connect_target(identity, lambda: None)
    yield target
    await target.close()
