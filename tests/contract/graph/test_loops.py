"""If the links of Graph form a loop, the reading ends and names the request."""

import json
from collections.abc import Iterator
from itertools import count

import pytest

from shared.domain.errors import Looping
from shared.domain.resources import STREAMS, Stream
from shared.ports.directory import Cursor
from tests.contract.graph.reading import DELTA, POLICIES, USERS, Connect, read
from tests.contract.graph.simulator import Simulator, simulated_graph

OWNERS = STREAMS["applications.owners"]
PATHS = {"users": DELTA, "conditionalAccessPolicies": POLICIES.path, "applications.owners": "/v1.0/applications$"}
MOST = 30
"""The most requests that a loop may cost."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated_graph(tmp_path_factory.mktemp("graph"), "--objects", "100") as simulator:
        yield simulator


def answer(link: str, *ids: str) -> str:
    return json.dumps({"@odata.nextLink": link, "value": [{"id": each} for each in ids]})


async def loop_error(simulator: Simulator, connect: Connect, stream: Stream) -> Looping:
    try:
        with pytest.raises(Looping) as caught:
            await read(connect(), stream)
    finally:
        fired = sum(simulator.fired())
        simulator.clear_faults()
    assert fired <= MOST
    assert caught.value.request_id
    return caught.value


@pytest.mark.parametrize("stream", [USERS, POLICIES, OWNERS], ids=lambda stream: stream.name)
async def test_a_link_to_the_page_itself_is_not_followed_for_ever(
    simulator: Simulator, connect: Connect, stream: Stream
) -> None:
    link = f"{simulator.url}/v1.0{stream.path}?$skiptoken=round"
    simulator.fault("status", PATHS[stream.name], times=100, status=200, body=answer(link))
    await loop_error(simulator, connect, stream)


@pytest.mark.parametrize("stream", [USERS, POLICIES], ids=lambda stream: stream.name)
async def test_pages_of_equal_content_are_not_read_for_ever(
    simulator: Simulator, connect: Connect, stream: Stream
) -> None:
    for number in range(100):
        link = f"{simulator.url}/v1.0{stream.path}?$skiptoken=page-{number}"
        simulator.fault("status", PATHS[stream.name], status=200, body=answer(link, "same"))
    await loop_error(simulator, connect, stream)


async def test_a_loop_longer_than_one_step_is_detected_by_a_later_step(simulator: Simulator, connect: Connect) -> None:
    links = [f"{simulator.url}/v1.0/users/delta?$skiptoken=round-{n}" for n in range(4)]
    for number in range(len(links)):
        onward = links[(number + 1) % len(links)]
        simulator.fault("status", DELTA, query=f"round-{number}", times=9, status=200, body=answer(onward, str(number)))
    previous_cursors: list[Cursor] = []
    simulator.fault("status", DELTA, times=1, status=200, body=answer(links[0]))
    with pytest.raises(Looping):
        for _ in count():  # one page a step, each step with a new source
            pages = connect().pages(USERS, previous_cursors[-1] if previous_cursors else None, previous_cursors[:-1])
            page = await anext(pages)
            await pages.aclose()
            assert page.cursor is not None
            previous_cursors.append(page.cursor)
            assert len(previous_cursors) < MOST
    simulator.clear_faults()
