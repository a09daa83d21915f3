"""A backup holds every resource of the table: one directory with an example of each, read once by the real adapter."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import pytest

from shared.adapters.graph.source import GraphSource
from shared.domain.errors import Answer, Skip
from shared.domain.records import resource_of, split_order
from shared.domain.resources import RESOURCES, STREAMS, Stream
from tests.contract.coverage.examples import all_examples
from tests.contract.engine.simulated import graph_access, reader
from tests.contract.graph.simulator import Simulator, simulated_graph

Found = dict[str, list[bytes]] | Skip
"""The records of a stream by resource, or why Graph refuses it."""
EXAMPLES = list(all_examples())
BY_RESOURCE = {name: [each for each in EXAMPLES if each.resource == name] for name in RESOURCES}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Found]]:
    with simulated_graph(tmp_path_factory.mktemp("graph"), "--objects", "0") as simulator:
        for example in EXAMPLES:
            example.load(simulator)
        yield asyncio.run(_read_all(simulator))


async def _read_all(simulator: Simulator) -> dict[str, Found]:
    source = graph_access(simulator, simulator.url).connect(reader(), lambda: None)
    assert isinstance(source, GraphSource)
    try:
        streams = list(STREAMS.values())
        return dict(zip(STREAMS, await asyncio.gather(*(_read(source, stream) for stream in streams)), strict=True))
    finally:
        await source.close()


async def _read(source: GraphSource, stream: Stream) -> Found:
    records: defaultdict[str, list[bytes]] = defaultdict(list)
    try:
        async for page in source.pages(stream, None):
            assert page.refused() == []
            for order, value in (line for entry in page.entries() for line in entry):
                if value is not None:
                    resource, key = split_order(order)
                    assert resource_of(key) == resource, "a stored record is found by its key alone"
                    records[resource.decode()].append(value)
    except Skip as skip:
        return skip
    return records


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_backup_holds_the_resource(resource: str, found: dict[str, Found]) -> None:
    row = RESOURCES[resource]
    records = found[row.stream]
    if row.for_people:
        assert isinstance(records, Skip), "an application may read it: then it is not for people only"
        assert row.meant_by(records.answer) is Answer.NOT_FOR_APPLICATIONS
        return
    assert isinstance(records, dict), records
    assert BY_RESOURCE[resource], "write an example in tests/contract/coverage/examples"
    missing = [each for each in BY_RESOURCE[resource] if not any(map(each.is_in, records[resource]))]
    assert not missing, records[resource]
