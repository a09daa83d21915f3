"""Requests to Graph: only what is needed, none after the reader has closed, and no connection left open."""

import asyncio
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.domain.resources import Stream
from tests.contract.graph.reading import DELTA, GROUPS, POLICIES, USERS, Budget, Connect, ids, read
from tests.contract.graph.simulator import Simulator

SOON = 10.0
"""Seconds within which an expected event must happen."""


def connections(port: int) -> int:
    """Return how many connections to a local port this process has open."""
    descriptors = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            descriptors.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue  # the descriptor that listed the folder is closed already
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[2].partition(":")[2], 16) == port and f"socket:[{row[9]}]" in descriptors for row in rows)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(simulator: Simulator, connect: Connect, status: int) -> None:
    """A redirect would carry the token to its target. A proxy sends it, so the same request is retried."""
    headers = {"Location": f"{simulator.url}/v1.0/organization"}
    simulator.fault("status", "policies", status=status, headers=headers, body="")
    await read(connect(), POLICIES)
    assert simulator.request_count("/v1.0/organization") == 0


@pytest.mark.parametrize("stream", [USERS, GROUPS], ids=lambda stream: stream.name)
async def test_fetch_requests_an_object_by_id_with_its_properties_and_no_relations(
    simulator: Simulator, connect: Connect, stream: Stream
) -> None:
    assert stream.relations
    assert set(stream.select) < set(stream.selected)
    one = sorted(ids(simulator.objects(stream.name)))[0]
    # This fault does no harm and must fire.
    wanted = rf"^{re.escape('$select=' + ','.join(stream.select))}$"
    simulator.fault("slow", f"/v1.0/{stream.name}/{one}$", query=wanted, seconds=0)
    assert await connect().fetch(stream, one) is not None


async def test_closing_a_reader_does_not_wait_for_the_prefetched_page(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("slow", DELTA, skip=1, seconds=40)
    pages = connect().pages(USERS, None)
    await anext(pages)
    await fault_fired(simulator)
    async with asyncio.timeout(SOON):
        await pages.aclose()


async def fault_fired(simulator: Simulator) -> None:
    """Wait until the fault has fired."""
    async with asyncio.timeout(SOON):
        while simulator.fired() == [0]:
            await asyncio.sleep(0.01)


async def test_a_closed_source_keeps_no_connection(simulator: Simulator, connect: Connect) -> None:
    port = urlsplit(simulator.url).port or 0
    before = connections(port)
    source = connect()
    await read(source, USERS)
    assert connections(port) > before
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 1
    await source.close()
    assert connections(port) == before
    with pytest.raises(RuntimeError, match="closed"):
        await read(source, USERS)
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 1


async def test_the_share_of_the_limit_from_graph_is_reported_to_the_budget(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault(
        "status", "policies", status=200, headers={"x-ms-throttle-limit-percentage": "1.25"}, body='{"value":[]}'
    )
    await read(connect(), POLICIES)
    assert budget.shares == [1.25]
