"""How Graph is asked: nothing beyond what is wanted, nothing once nobody waits for it, and no trace of it afterwards."""

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
"""Seconds within which what must happen has happened."""


def connections(port: int) -> int:
    """How many connections to a port of this machine this process has open."""
    mine = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            mine.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue  # it was the one that the folder was read by
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[2].partition(":")[2], 16) == port and f"socket:[{row[9]}]" in mine for row in rows)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(simulator: Simulator, connect: Connect, status: int) -> None:
    """It would carry the token to wherever it leads. A proxy sends it, so the same request is sent again."""
    headers = {"Location": f"{simulator.url}/v1.0/organization"}
    simulator.fault("status", "policies", status=status, headers=headers, body="")
    await read(connect(), POLICIES)
    assert simulator.asked("/v1.0/organization") == 0


@pytest.mark.parametrize("stream", [USERS, GROUPS], ids=lambda stream: stream.name)
async def test_an_object_is_asked_for_by_id_with_its_properties_and_no_relations(
    simulator: Simulator, connect: Connect, stream: Stream
) -> None:
    assert stream.relations
    assert set(stream.select) < set(stream.selected)
    one = sorted(ids(simulator.objects(stream.name)))[0]
    # A fault that does no harm, and must fire.
    wanted = rf"^{re.escape('$select=' + ','.join(stream.select))}$"
    simulator.fault("slow", f"/v1.0/{stream.name}/{one}$", query=wanted, seconds=0)
    assert await connect().fetch(stream, one) is not None


async def test_a_reader_that_goes_away_does_not_wait_for_the_page_after(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("slow", DELTA, skip=1, seconds=40)
    pages = connect().pages(USERS, None)
    await anext(pages)
    await struck(simulator)
    async with asyncio.timeout(SOON):
        await pages.aclose()


async def struck(simulator: Simulator) -> None:
    """Returns when the fault has met somebody."""
    async with asyncio.timeout(SOON):
        while simulator.fired() == [0]:
            await asyncio.sleep(0.01)


async def test_a_source_that_is_closed_keeps_no_connection(simulator: Simulator, connect: Connect) -> None:
    port = urlsplit(simulator.url).port or 0
    before = connections(port)
    source = connect()
    await read(source, USERS)
    assert connections(port) > before
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 1
    await source.close()
    assert connections(port) == before
    with pytest.raises(RuntimeError, match="closed"):
        await read(source, USERS)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 1


async def test_a_share_of_the_limit_that_graph_tells_is_told_to_the_budget(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault(
        "status", "policies", status=200, headers={"x-ms-throttle-limit-percentage": "1.25"}, body='{"value":[]}'
    )
    await read(connect(), POLICIES)
    assert budget.shares == [1.25]
