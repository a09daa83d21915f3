"""Whatever happens on the way to Graph, what is read is right, or one error says what to do."""

import asyncio
import json
import ssl
from typing import Any

import msgspec
import pytest

from shared.adapters.graph import GraphAccess, RetryPolicy
from shared.domain.backoff import Backoff
from shared.domain.errors import Answer, Code, EntrakeepError, GraphTrouble, Skip, StartOver
from shared.domain.resources import STREAMS
from shared.domain.secret import Secret
from shared.ports.directory import Identity
from tests.contract.graph.reading import (
    DELTA,
    GROUPS,
    ORGANIZATION,
    PATIENCE,
    POLICIES,
    USERS,
    Budget,
    Connect,
    read,
    records,
)
from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("status", {"status": 429, "headers": {"Retry-After": "0.05"}}),
        ("status", {"status": 429}),
        ("status", {"status": 500}),
        ("status", {"status": 502, "body": "<html>"}),
        ("status", {"status": 503, "headers": {"Retry-After": "0"}}),
        ("status", {"status": 504}),
        ("status", {"status": 302, "headers": {"Location": "https://portal.test/"}}),
        ("status", {"status": 507}),
        ("status", {"status": 520, "body": "<html>"}),
        ("status", {"status": 401}),
        ("drop", {}),
        ("truncate", {}),
        ("garbage", {}),
        ("claims-challenge", {}),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
async def test_trouble_on_the_way_changes_nothing(
    simulator: Simulator, connect: Connect, what: str, more: dict[str, Any]
) -> None:
    whole, _ = await read(connect(), USERS)
    simulator.fault(what, DELTA, skip=1, **more)
    assert (await read(connect(), USERS))[0] == whole


async def test_a_link_is_followed_as_soon_as_it_is_told_but_not_where_a_broken_answer_told_it(
    simulator: Simulator, connect: Connect
) -> None:
    whole, _ = await read(connect(), USERS)
    pages = simulator.asked(DELTA)
    astray = f'{{"@odata.nextLink":"{simulator.url}/v1.0/users/delta?$skiptoken=astray","value":[{{'
    simulator.fault("garbage", DELTA, skip=1, body=astray)
    simulator.fault("slow", DELTA, query="skiptoken=(?!astray)", seconds=0.5)  # the page that was broken, once more
    assert (await read(connect(), USERS))[0] == whole
    assert simulator.asked(DELTA) == 2 * pages + 2


async def test_a_429_is_told_to_the_budget_with_its_fraction(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault("status", "policies", status=429, headers={"Retry-After": "0.125"})
    await read(connect(), POLICIES)
    assert budget.waits == [0.125]
    assert len(budget.units) == 2


async def test_a_long_retry_after_is_left_to_the_engine(simulator: Simulator, connect: Connect, budget: Budget) -> None:
    simulator.fault("status", "policies", status=429, headers={"Retry-After": "600"})
    with pytest.raises(GraphTrouble) as met:
        await read(connect(), POLICIES)
    assert met.value.after == 600
    assert met.value.request_id
    assert budget.waits == [600]


async def test_lasting_trouble_is_given_up_after_some_tries(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", "policies", times=5, status=503)
    with pytest.raises(GraphTrouble, match="status 503, code ServiceUnavailable"):
        await read(connect(), POLICIES)


async def test_silence_is_trouble(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("slow", "policies", seconds=1)
    source = connect(patience=RetryPolicy(backoff=Backoff(first=0.01, longest=0.1), answer_seconds=0.2))
    assert len(records((await read(source, POLICIES))[0], "conditionalAccessPolicies")) == 1


async def test_a_resource_without_permission_is_skipped_and_named(simulator: Simulator, connect: Connect) -> None:
    client_id = "44444444-4444-4444-4444-444444444444"
    simulator.set("apps", {"client_id": client_id, "secret": "s", "permissions": ["User.Read.All"]})
    source = connect(client_id=client_id, secret="s")
    assert await source.probe(USERS) is Answer.WHOLE
    for stream in (GROUPS, POLICIES, ORGANIZATION):
        assert await source.probe(stream) is Answer.FORBIDDEN
        with pytest.raises(Skip) as met:
            await read(source, stream)
        assert met.value.answer is Answer.FORBIDDEN
        assert met.value.request_id


async def test_no_licence_is_believed_the_second_time(simulator: Simulator, connect: Connect) -> None:
    body = {"error": {"code": "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "message": "m"}}
    simulator.fault("status", "policies", status=403, body=body)
    assert await connect().probe(POLICIES) is Answer.WHOLE
    simulator.fault("status", "policies", times=2, status=403, body=body)
    assert await connect().probe(POLICIES) is Answer.UNLICENSED


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_refused_cursor_starts_over(simulator: Simulator, connect: Connect, status: int) -> None:
    source = connect()
    _, cursor = await read(source, USERS)
    simulator.fault("status", DELTA, status=status)
    with pytest.raises(StartOver):
        await read(source, USERS, cursor)


@pytest.mark.parametrize(
    "host", ["https://graph.test", "http://HOST", "https://u@HOST", "https://127.0.0.1:1", "//x", ""]
)
async def test_a_link_to_another_host_is_not_followed(simulator: Simulator, connect: Connect, host: str) -> None:
    link = host.replace("HOST", simulator.url.removeprefix("https://")) + "/v1.0/users/delta?$skiptoken=secret"
    simulator.fault("status", DELTA, status=200, body=json.dumps({"value": [], "@odata.nextLink": link}))
    with pytest.raises(Skip) as met:
        await read(connect(), USERS)
    assert met.value.answer is Answer.FAILED
    assert "secret" not in met.value.message
    assert simulator.asked(DELTA) == 1


async def test_a_page_of_html_names_the_proxy(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("garbage", DELTA, headers={"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(GraphTrouble, match="HTTPS_PROXY"):
        await read(connect(patience=RetryPolicy(tries=1)), USERS)


async def test_a_404_of_graph_in_trouble_tells_nothing_of_an_object(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", "/v1.0/users/none", status=404)
    assert await connect().fetch(USERS, "none") is None
    simulator.fault("status", "/v1.0/users/none", status=404, body={"error": {"code": "UnknownError"}})
    with pytest.raises(Skip):
        await connect().fetch(USERS, "none")


async def test_a_lack_is_looked_for_by_another_path(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", DELTA, status=404)
    assert await connect().probe(USERS) is Answer.UNAVAILABLE
    assert await connect().probe(USERS, listing=True) is Answer.WHOLE
    assert simulator.asked("/v1.0/users") == 1


async def test_graph_answers_a_stream_unless_it_is_in_trouble_and_is_asked_once(
    simulator: Simulator, connect: Connect
) -> None:
    assert await connect().answers(USERS)
    simulator.fault("status", DELTA, status=403)
    assert await connect().answers(USERS)
    simulator.fault("status", DELTA, status=503)
    assert not await connect().answers(USERS)
    assert simulator.asked(DELTA) == 3


async def test_a_stream_of_the_beta_is_read_from_the_beta(simulator: Simulator, connect: Connect) -> None:
    for stream in (USERS, POLICIES, STREAMS["applications.owners"]):
        simulator.forget()
        source = connect()
        lines, _ = await read(source, msgspec.structs.replace(stream, api="beta"))
        assert lines
        await source.probe(msgspec.structs.replace(stream, api="beta"))
        assert simulator.paths()
        signing_in = {path for path in simulator.paths() if "/v2.0/" in path}
        assert {path.split("/")[1] for path in simulator.paths() - signing_in} == {"beta"}


async def test_a_delta_page_that_goes_nowhere_is_asked_for_again(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", DELTA, status=200, body='{"value":[]}')
    assert (await read(connect(), USERS))[1] is not None


class Ended(EntrakeepError):
    """Stands for the end of a lease."""


async def test_nothing_is_sent_once_the_check_fails(simulator: Simulator, connect: Connect) -> None:
    ended = False

    def check() -> None:
        if ended:
            raise Ended(Code.KEY_ACCESS_REVOKED, "The lease has ended.")

    source = connect(check=check)
    pages = source.pages(USERS, None)
    await anext(pages)
    ended = True
    with pytest.raises(Ended):
        async for _ in pages:
            pass
    asked = simulator.asked(DELTA)
    for call in (source.organization_id(), source.probe(USERS), source.fetch(USERS, "1")):
        with pytest.raises(Ended):
            await call
    assert simulator.asked(DELTA) == asked <= 2


async def test_a_reading_that_is_cancelled_while_it_connects_leaves_no_connection_open(
    simulator: Simulator, budget: Budget
) -> None:
    greeted, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        greeted.set()
        while await reader.read(4096):
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    access = GraphAccess(
        graph_url=f"https://localhost:{server.sockets[0].getsockname()[1]}",
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=budget,
        token_seconds=60,
        retry_policy=PATIENCE,
    )
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    source = access.connect(identity, lambda: None)
    reading = asyncio.create_task(read(source, POLICIES))
    await asyncio.wait_for(greeted.wait(), 30)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(gone.wait(), 30)
    await source.close()
    server.close()
    await server.wait_closed()
