"""Whatever fails on the way to Graph, the records are correct, or one error says what to do."""

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
    POLICIES,
    RETRY_POLICY,
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
async def test_passing_trouble_does_not_change_the_records(
    simulator: Simulator, connect: Connect, what: str, more: dict[str, Any]
) -> None:
    whole, _ = await read(connect(), USERS)
    simulator.fault(what, DELTA, skip=1, **more)
    assert (await read(connect(), USERS))[0] == whole


async def test_a_prefetched_page_is_discarded_if_the_answer_with_its_link_is_broken(
    simulator: Simulator, connect: Connect
) -> None:
    whole, _ = await read(connect(), USERS)
    pages = simulator.request_count(DELTA)
    astray = f'{{"@odata.nextLink":"{simulator.url}/v1.0/users/delta?$skiptoken=astray","value":[{{'
    simulator.fault("garbage", DELTA, skip=1, body=astray)
    simulator.fault("slow", DELTA, query="skiptoken=(?!astray)", seconds=0.5)  # the retry of the broken page
    assert (await read(connect(), USERS))[0] == whole
    assert simulator.request_count(DELTA) == 2 * pages + 2


async def test_a_429_is_reported_to_the_budget_with_fractional_seconds(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault("status", "policies", status=429, headers={"Retry-After": "0.125"})
    await read(connect(), POLICIES)
    assert budget.waits == [0.125]
    assert len(budget.units) == 2


async def test_a_long_retry_after_is_raised_to_the_engine(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault("status", "policies", status=429, headers={"Retry-After": "600"})
    with pytest.raises(GraphTrouble) as caught:
        await read(connect(), POLICIES)
    assert caught.value.after == 600
    assert caught.value.request_id
    assert budget.waits == [600]


async def test_lasting_trouble_raises_an_error_after_the_last_try(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", "policies", times=5, status=503)
    with pytest.raises(GraphTrouble, match="status 503, code ServiceUnavailable"):
        await read(connect(), POLICIES)


async def test_a_timed_out_request_is_retried(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("slow", "policies", seconds=1)
    source = connect(retry_policy=RetryPolicy(backoff=Backoff(first=0.01, longest=0.1), answer_seconds=0.2))
    assert len(records((await read(source, POLICIES))[0], "conditionalAccessPolicies")) == 1


async def test_a_resource_without_permission_is_skipped_and_reported(simulator: Simulator, connect: Connect) -> None:
    client_id = "44444444-4444-4444-4444-444444444444"
    simulator.set("apps", {"client_id": client_id, "secret": "s", "permissions": ["User.Read.All"]})
    source = connect(client_id=client_id, secret="s")
    assert await source.probe(USERS) is Answer.WHOLE
    for stream in (GROUPS, POLICIES, ORGANIZATION):
        assert await source.probe(stream) is Answer.FORBIDDEN
        with pytest.raises(Skip) as caught:
            await read(source, stream)
        assert caught.value.answer is Answer.FORBIDDEN
        assert caught.value.request_id


async def test_a_missing_licence_is_reported_only_after_a_second_answer(simulator: Simulator, connect: Connect) -> None:
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
    with pytest.raises(Skip) as caught:
        await read(connect(), USERS)
    assert caught.value.answer is Answer.FAILED
    assert "secret" not in caught.value.message
    assert simulator.request_count(DELTA) == 1


async def test_an_html_answer_names_the_proxy_setting(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("garbage", DELTA, headers={"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(GraphTrouble, match="HTTPS_PROXY"):
        await read(connect(retry_policy=RetryPolicy(tries=1)), USERS)


async def test_a_404_with_an_unknown_error_code_does_not_mean_a_missing_object(
    simulator: Simulator, connect: Connect
) -> None:
    simulator.fault("status", "/v1.0/users/none", status=404)
    assert await connect().fetch(USERS, "none") is None
    simulator.fault("status", "/v1.0/users/none", status=404, body={"error": {"code": "UnknownError"}})
    with pytest.raises(Skip):
        await connect().fetch(USERS, "none")


async def test_a_listing_probe_uses_the_path_without_delta(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", DELTA, status=404)
    assert await connect().probe(USERS) is Answer.UNAVAILABLE
    assert await connect().probe(USERS, listing=True) is Answer.WHOLE
    assert simulator.request_count("/v1.0/users") == 1


async def test_answers_is_false_only_during_trouble_and_sends_one_request(
    simulator: Simulator, connect: Connect
) -> None:
    assert await connect().answers(USERS)
    simulator.fault("status", DELTA, status=403)
    assert await connect().answers(USERS)
    simulator.fault("status", DELTA, status=503)
    assert not await connect().answers(USERS)
    assert simulator.request_count(DELTA) == 3


async def test_a_beta_stream_is_read_from_the_beta_api(simulator: Simulator, connect: Connect) -> None:
    for stream in (USERS, POLICIES, STREAMS["applications.owners"]):
        simulator.forget()
        source = connect()
        lines, _ = await read(source, msgspec.structs.replace(stream, api="beta"))
        assert lines
        await source.probe(msgspec.structs.replace(stream, api="beta"))
        assert simulator.paths()
        signing_in = {path for path in simulator.paths() if "/v2.0/" in path}
        assert {path.split("/")[1] for path in simulator.paths() - signing_in} == {"beta"}


async def test_a_delta_page_without_a_link_is_requested_again(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", DELTA, status=200, body='{"value":[]}')
    assert (await read(connect(), USERS))[1] is not None


class Ended(EntrakeepError):
    """Stands for the end of a lease."""


async def test_no_request_is_sent_after_the_check_fails(simulator: Simulator, connect: Connect) -> None:
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
    requests = simulator.request_count(DELTA)
    for call in (source.organization_id(), source.probe(USERS), source.fetch(USERS, "1")):
        with pytest.raises(Ended):
            await call
    assert simulator.request_count(DELTA) == requests <= 2


async def test_a_reading_cancelled_during_connect_leaves_no_connection_open(
    simulator: Simulator, budget: Budget
) -> None:
    connected, disconnected = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        connected.set()
        while await reader.read(4096):
            pass
        disconnected.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    access = GraphAccess(
        graph_url=f"https://localhost:{server.sockets[0].getsockname()[1]}",
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=budget,
        token_seconds=60,
        retry_policy=RETRY_POLICY,
    )
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    source = access.connect(identity, lambda: None)
    reading = asyncio.create_task(read(source, POLICIES))
    await asyncio.wait_for(connected.wait(), 30)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(disconnected.wait(), 30)
    await source.close()
    server.close()
    await server.wait_closed()
