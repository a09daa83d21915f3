"""Children of each object, read in batches: complete, byte for byte, and retried only if unanswered."""

import asyncio
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
import pytest

from shared.adapters.graph import RetryPolicy
from shared.domain.errors import Answer, GraphTrouble, Skip, StartOver
from shared.domain.model import RefusedObject
from shared.domain.records import Line
from shared.domain.resources import STREAMS
from shared.domain.secret import Secret
from shared.ports.directory import Cursor
from tests.contract.graph.reading import Budget, Connect, ids, read, records
from tests.contract.graph.simulator import Simulator, simulated_graph

EXPANDED = STREAMS["applications.owners"]
assert EXPANDED.children is not None
OWNERS = msgspec.structs.replace(EXPANDED, children=msgspec.structs.replace(EXPANDED.children, expanded=False))
"""The owners, read as children are that Graph does not show inside their objects."""
BATCH = "/v1.0/$batch"
ITEM = "/v1.0/applications/[^/]+/owners"
APPLICATIONS = 50


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("graph")
    with simulated_graph(folder, "--objects", str(APPLICATIONS * 25)) as simulator:
        yield simulator


def owners(simulator: Simulator) -> set[str]:
    """Return the owners of every application, as keys without their resource."""
    return {
        f"{application}/owners/{owner}"
        for application in ids(simulator.objects("applications"))
        for owner in ids(simulator.objects(f"applications/{application}/owners"))
    }


async def pages(connect: Connect, cursor: Cursor | None = None) -> list[tuple[list[Line], Cursor | None]]:
    return [(list(chain.from_iterable(page.entries())), page.cursor) async for page in connect().pages(OWNERS, cursor)]


async def test_the_owners_of_every_application_are_read_twenty_at_a_time(
    simulator: Simulator, connect: Connect
) -> None:
    lines, cursor = await read(connect(), OWNERS)
    assert cursor is None
    assert lines[0] == (b"applications.owners\0", None)
    values = records(lines, "applications.owners")
    assert values.keys() == owners(simulator)
    assert all(json.loads(value).keys() == {"@odata.type", "id"} for value in values.values())
    assert simulator.request_count(BATCH) == -(-APPLICATIONS // 20)
    assert await connect().probe(OWNERS) is Answer.WHOLE


async def test_only_objects_with_twenty_expanded_children_are_asked_for_all_of_them(
    simulator: Simulator, connect: Connect
) -> None:
    (rich, *_) = ids(simulator.objects("applications"))
    users = [
        each
        for each in sorted(ids(simulator.objects("users")))
        if each not in ids(simulator.objects(f"applications/{rich}/owners"))
    ]
    for user in users[:22]:
        simulator.create(f"applications/{rich}/owners", b'{"id":"%b"}' % user.encode())
    try:
        lines, _ = await read(connect(), EXPANDED)
        assert records(lines, "applications.owners").keys() == owners(simulator)
        assert simulator.request_count(BATCH) == 1
        assert simulator.request_count("/v1.0/applications/{id}/owners") == 1
    finally:
        for user in users[:22]:
            simulator.apply("delete", f"applications/{rich}/owners/{user}")


async def test_children_two_levels_below_are_read_and_resumed(simulator: Simulator, connect: Connect) -> None:
    assert OWNERS.children is not None
    children = msgspec.structs.replace(OWNERS.children, through="extensionProperties", links=False, segment="below")
    stream = msgspec.structs.replace(OWNERS, children=children)
    applications = len(ids(simulator.objects("applications")))
    body = '{"value":[{"id":"m1"},{"id":"m2"}]}'
    simulator.fault("status", "/extensionProperties$", times=999, status=200, body=body)
    simulator.fault("status", "/below", times=999, status=200, body='{"value":[{"id":"c"}]}')
    lines, cursor = list[Line](), None
    async for page in connect().pages(stream, None):
        lines += chain.from_iterable(page.entries())
        cursor = page.cursor
        break
    async for page in connect().pages(stream, cursor):
        lines += chain.from_iterable(page.entries())
    keys = {order.rpartition(b"/")[2] for order, value in lines if value is not None}
    assert keys == {b"m1%2Fc", b"m2%2Fc"}
    assert sum(value is not None for _, value in lines) == 2 * applications
    simulator.clear_faults()


async def test_a_directory_without_objects_has_no_children(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", "/v1.0/applications$", status=200, body='{"value":[]}')
    assert await pages(connect) == [([(b"applications.owners\0", None)], None)]


async def test_an_invalid_cursor_starts_over(connect: Connect) -> None:
    with pytest.raises(StartOver):
        await pages(connect, Cursor(Secret(b"https://graph.test/v1.0/applications"), more=True))


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("status", {"status": 429, "headers": {"Retry-After": "0.05"}}),
        ("status", {"status": 429}),
        ("status", {"status": 503}),
        ("status", {"status": 401}),
        ("claims-challenge", {}),
        ("drop", {}),
        ("garbage", {}),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
async def test_only_the_failed_items_of_a_batch_are_retried(
    simulator: Simulator, connect: Connect, what: str, more: dict[str, Any]
) -> None:
    simulator.fault(what, ITEM, times=3, **more)
    lines, _ = await read(connect(), OWNERS)
    assert records(lines, "applications.owners").keys() == owners(simulator)
    assert simulator.request_count("/v1.0/applications/{id}/owners") == APPLICATIONS + 3


async def test_a_throttled_item_is_reported_to_the_budget(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault("status", ITEM, status=429, headers={"Retry-After": "0.125"})
    await read(connect(), OWNERS)
    assert budget.waits == [0.125]


async def test_the_share_of_the_limit_from_an_item_is_reported_to_the_budget(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    for share in ("0.9", "1.25"):
        headers = {"x-ms-throttle-limit-percentage": share}
        simulator.fault("status", ITEM, status=200, headers=headers, body='{"value":[]}')
    await read(connect(), OWNERS)
    assert budget.shares == [1.25]


async def test_closing_a_reader_does_not_wait_for_the_prefetched_batches(
    simulator: Simulator, connect: Connect
) -> None:
    simulator.fault("slow", r"/v1.0/\$batch", skip=1, times=2, seconds=40)
    pages = connect().pages(OWNERS, None)
    await anext(pages)
    async with asyncio.timeout(10):
        while simulator.fired() != [2]:
            await asyncio.sleep(0.01)
        await pages.aclose()


@pytest.mark.parametrize("what", ["drop", "truncate", "garbage"])
async def test_a_failed_batch_is_retried(simulator: Simulator, connect: Connect, what: str) -> None:
    simulator.fault(what, r"/v1.0/\$batch")
    lines, _ = await read(connect(), OWNERS)
    assert records(lines, "applications.owners").keys() == owners(simulator)


async def test_lasting_trouble_of_one_item_ends_the_reading(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", ITEM, times=1, status=503)
    with pytest.raises(GraphTrouble, match="status 503"):
        await read(connect(retry_policy=RetryPolicy(tries=1)), OWNERS)


async def test_an_object_deleted_during_the_reading_has_no_children(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", ITEM, times=1, status=404)
    lines, _ = await read(connect(), OWNERS)
    assert len({key.partition("/")[0] for key in records(lines, "applications.owners")}) == APPLICATIONS - 1


async def test_a_repeatedly_refused_token_fails_the_stream(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", ITEM, times=1000, status=401)
    with pytest.raises(Skip, match="status 401") as caught:
        await read(connect(), OWNERS)
    assert caught.value.answer is Answer.FAILED
    simulator.clear_faults()


async def refusals(connect: Connect) -> tuple[list[Line], list[RefusedObject]]:
    lines: list[Line] = []
    refused: list[RefusedObject] = []
    async for page in connect().pages(OWNERS, None):
        lines += chain.from_iterable(page.entries())
        refused += page.refused()
    return lines, refused


@pytest.mark.parametrize("status", [400, 403, 405])
async def test_a_refusal_for_one_object_is_reported_for_that_object_alone(
    simulator: Simulator, connect: Connect, status: int
) -> None:
    refused_id = sorted(ids(simulator.objects("applications")))[7]
    simulator.fault("status", f"/v1.0/applications/{refused_id}/owners", status=status)
    lines, refused = await refusals(connect)
    assert [each.id for each in refused] == [refused_id]
    assert all(each.request_id for each in refused)
    assert records(lines, OWNERS.name).keys() == {key for key in owners(simulator) if not key.startswith(refused_id)}


async def test_a_404_with_an_unknown_error_code_is_not_a_deleted_object(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", ITEM, status=404, body={"error": {"code": "UnknownError", "message": ""}})
    assert len((await refusals(connect))[1]) == 1


async def test_a_stream_whose_children_are_all_refused_is_skipped_and_reported(
    simulator: Simulator, connect: Connect
) -> None:
    simulator.fault("status", ITEM, times=1000, status=403)
    with pytest.raises(Skip) as caught:
        await read(connect(), OWNERS)
    assert caught.value.answer is Answer.FORBIDDEN
    assert caught.value.request_id
    assert await connect().probe(OWNERS) is Answer.FORBIDDEN
    assert simulator.request_count(BATCH) <= 4
    simulator.clear_faults()


@pytest.mark.parametrize("how", ["a circle", "refused", "a cursor"])
async def test_further_pages_of_one_object_are_restarted_once_and_then_refused(
    simulator: Simulator, connect: Connect, how: str
) -> None:
    refused_id = sorted(ids(simulator.objects("applications")))[7]
    link = f"{simulator.url}/v1.0/applications/{refused_id}/owners?$skiptoken=round"
    page = json.dumps({"@odata.nextLink": link, "value": []})
    more = {"a circle": {"status": 200, "body": page}, "refused": {"status": 403}, "a cursor": {"status": 400}}[how]
    simulator.fault("status", f"{refused_id}/owners", query="round", times=9, **more)
    simulator.fault("status", f"{refused_id}/owners", times=9, status=200, body=page)
    lines, refused = await refusals(connect)
    assert [each.id for each in refused] == [refused_id]
    assert all(each.request_id for each in refused)
    assert simulator.fired() == ([1, 1] if how == "refused" else [2, 2])
    assert records(lines, OWNERS.name).keys() == {key for key in owners(simulator) if not key.startswith(refused_id)}
    simulator.clear_faults()


async def test_a_reading_resumes_from_each_of_its_cursors(simulator: Simulator, connect: Connect) -> None:
    """The lines before any cursor and after it are the whole stream: pages of the listing, pages of owners, batches."""
    many = sorted(ids(simulator.objects("applications")))[0]
    users = sorted(ids(simulator.objects("users")))
    simulator.create(f"applications/{many}/owners", *(json.dumps({"id": user}).encode() for user in users))
    listing = {"value": [{"id": json.loads(one)["id"]} for one in simulator.objects("applications")]}
    half = {"value": listing["value"][:25], "@odata.nextLink": f"{simulator.url}/v1.0/applications?$select=id&$skip=25"}
    simulator.fault("status", "/v1.0/applications$", times=1, status=200, body=json.dumps(half))
    all_pages = await pages(connect)
    assert len(all_pages) == 5
    whole = {line for lines, _ in all_pages for line in lines}
    assert {order.partition(b"/")[2].decode() for order, value in whole if value} == owners(simulator)
    for number, (_, cursor) in enumerate(all_pages[:-1]):
        assert cursor is not None
        assert cursor.more
        before = [line for lines, _ in all_pages[: number + 1] for line in lines]
        after = [line for lines, _ in await pages(connect, cursor) for line in lines]
        assert {*before, *after} == whole
        assert len(before) + len(after) == len(whole)
