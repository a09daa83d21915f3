"""An answer of an unexpected shape is an error of its stream, never an empty list. One stream of each shape is read."""

import re
from collections.abc import Iterator
from itertools import chain

import msgspec
import pytest

from shared.adapters.graph.source import GraphSource
from shared.domain.errors import GraphTrouble, Skip
from shared.domain.resources import STREAMS, Reading, Stream
from tests.contract.coverage.examples import all_examples
from tests.contract.graph.reading import RETRY_POLICY, Connect
from tests.contract.graph.simulator import Simulator, simulated_graph

OF_LISTS = (
    "{}",
    "null",
    "[]",
    '"text"',
    '{"value":null}',
    '{"value":{}}',
    '{"value":[1]}',
    '{"value":[null]}',
    '{"value":[{"displayName":"no id"}]}',
    '{"values":[]}',
)
OF_OBJECTS = ("null", "[]", "1", '"text"', "[{}]", "")


def _shape(stream: Stream) -> tuple[object, ...]:
    """Return what decides how the answers of a stream are read."""
    below = stream.children
    children = (
        (below.links, below.expanded, below.to_one, bool(below.detail), bool(below.through), below.binary)
        if below
        else ()
    )
    return (stream.reading, bool(stream.expand), stream.key, stream.absent, *children)


ONE_OF_EACH = {_shape(stream): stream for stream in reversed(STREAMS.values())}
"""The first stream of each shape."""


def _answers_objects(stream: Stream) -> bool:
    """Return True if an answer is one object instead of a list."""
    below = stream.children
    return stream.reading is Reading.SINGLETON or (below is not None and (below.to_one or bool(below.detail)))


def _path(stream: Stream) -> str:
    """Return a pattern of the paths whose answers have the records."""
    if stream.children is None or stream.children.expanded:
        path = re.escape(stream.path)
    else:
        segment = "" if stream.children.detail else f"/{stream.children.segment}"
        middle = f"/{re.escape(stream.children.through)}/[^/]+" if stream.children.through else ""
        path = f"{re.escape(stream.collection)}/[^/]+{middle}{re.escape(segment)}"
    return f"/{re.escape(stream.api)}{path}$"


async def _ends_in_an_error(source: GraphSource, stream: Stream) -> bool:
    """Return True if the reading raises an error or reports refused objects."""
    refused = []
    try:
        async for page in source.pages(stream, None):
            assert [value for _, value in chain.from_iterable(page.entries()) if value is not None] == []
            refused += page.refused()
    except (GraphTrouble, Skip):
        return True
    return bool(refused)


async def test_an_owner_without_the_list_of_its_children_is_an_error(simulator: Simulator, connect: Connect) -> None:
    owners = STREAMS["applications.owners"]
    assert owners.children is not None
    expanded = msgspec.structs.replace(owners, children=msgspec.structs.replace(owners.children, expanded=True))
    source = connect(retry_policy=msgspec.structs.replace(RETRY_POLICY, tries=1))
    for body in (
        '{"value":[{"id":"x"}]}',
        '{"value":[{"id":"x","owners":null}]}',
        '{"value":[{"id":"x","owners":{}}]}',
    ):
        simulator.fault("status", "/v1.0/applications$", status=200, body=body)
        assert await _ends_in_an_error(source, expanded), body


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Run a directory that has an object of every kind."""
    with simulated_graph(tmp_path_factory.mktemp("graph"), "--objects", "0") as simulator:
        for example in all_examples():
            example.load(simulator)
        yield simulator


@pytest.mark.parametrize("stream", ONE_OF_EACH.values(), ids=lambda stream: stream.name)
async def test_an_answer_of_unexpected_shape_is_an_error(
    simulator: Simulator, connect: Connect, stream: Stream
) -> None:
    if stream.children is not None and stream.children.binary:
        pytest.skip("every body is a file")
    source = connect(retry_policy=msgspec.structs.replace(RETRY_POLICY, tries=1))
    taken = []
    for body in OF_OBJECTS if _answers_objects(stream) else OF_LISTS:
        match = {"path": _path(stream)}
        simulator.set("faults", [{"what": "status", "status": 200, "body": body, "match": match, "times": 999}])
        if not await _ends_in_an_error(source, stream):
            taken.append(body)
        assert simulator.fired()[0] > 0, "the directory has no such object, or another path is read"
        simulator.clear_faults()
    assert taken == []
