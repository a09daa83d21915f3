"""GraphAccess against a Graph over TLS: what is read is what is there, whatever happens on the way."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.graph import GraphAccess, Patience
from shared.adapters.graph.source import GraphSource
from shared.domain.errors import Answer, Code, EntrakeepError, GraphTrouble, Refuse, Skip, StartOver
from shared.domain.records import Line, encode_line
from shared.domain.resources import STREAMS, Stream
from shared.domain.secret import Secret
from shared.ports.directory import Cursor, Identity
from tests.contract.graph_simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator, simulated_graph

USERS, GROUPS = STREAMS["users"], STREAMS["groups"]
POLICIES, ORGANIZATION = STREAMS["conditionalAccessPolicies"], STREAMS["organization"]
DELTA = "/v1.0/users/delta"
TOKEN = "/oauth2/v2.0/token"
PATIENCE = Patience(first_wait_seconds=0.01)

Connect = Callable[..., GraphSource]


class Budget:
    """Never waits; remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.asked = 0

    def scope(self, directory_id: str, client_id: str) -> "Budget":
        assert directory_id
        assert client_id
        return self

    @contextlib.asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        self.asked += 1
        yield

    async def throttled(self, seconds: float) -> None:
        self.told.append(seconds)


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
        patience: Patience = PATIENCE,
    ) -> GraphSource:
        access = GraphAccess(
            graph_url=simulator.url,
            authority_url=simulator.url,
            ca_bundle=str(simulator.ca_file),
            budgets=budget,
            patience=patience,
        )
        identity = Identity(directory_id=directory_id, client_id=client_id, secret=Secret(secret.encode()))
        sources.append(access.connect(identity, check))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


async def read(source: GraphSource, stream: Stream, cursor: Cursor | None = None) -> tuple[list[Line], Cursor | None]:
    lines: list[Line] = []
    async for page in source.pages(stream, cursor):
        lines += page.lines()
        cursor = page.cursor
        assert page.incomplete() == []
        assert page.size > 0
    return lines, cursor


def records(lines: list[Line], resource: str) -> dict[str, bytes]:
    """The values of a resource by the rest of their keys."""
    start = f"{resource}\0".encode()
    return {
        order.partition(b"/")[2].decode(): value
        for order, value in lines
        if value is not None and order.startswith(start)
    }


def ids(values: list[bytes]) -> set[str]:
    return {json.loads(value)["id"] for value in values}


async def test_every_stream_is_read_whole(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    for stream in (USERS, GROUPS, POLICIES, ORGANIZATION):
        lines, cursor = await read(source, stream)
        path = stream.collection.removeprefix("/")
        assert records(lines, stream.resource).keys() == ids(simulator.objects(path))
        assert (cursor is not None) == (stream.path.endswith("/delta"))
        assert await source.probe(stream) is Answer.WHOLE
    assert await source.organization_id() == DIRECTORY_ID


async def test_links_are_read_from_delta(simulator: Simulator, connect: Connect) -> None:
    simulator.set("delta", {"links_per_entry": 2})
    lines, _ = await read(connect(), GROUPS)
    simulator.set("delta", {"links_per_entry": 200})
    groups = records(lines, "groups")
    for relation in ("members", "owners"):
        there = {
            f"{group}/{relation}/{target}"
            for group in groups
            for target in ids(simulator.objects(f"groups/{group}/{relation}"))
        }
        assert there
        assert records(lines, f"groups.{relation}").keys() == there


LETTERS = [
    b'{"userPrincipalName":"a@x", "numbers" : [1.0, 1E+2, -0.0, 12345678901234567890123],"id":"letter-1"}',
    b'{"nested":{"id":"not-this"},"userPrincipalName":"b","\\u0061":"\\u00fc\\/","a":1,"a":2,"id":"letter-2"}',
    b'{"id":"letter-3","userPrincipalName":"c","sep":"\xe2\x80\xa8","emoji":"\\ud83d\\ude00"}',
    b'{"id":"letter-4","userPrincipalName":"d","lonely":"\\ud800 \\udc00"}',
    b'{ "id" : "letter 5" ,\t"userPrincipalName":"manager@delta" }',
]


async def test_objects_come_to_the_letter(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    _, cursor = await read(source, USERS)
    simulator.create("users", *LETTERS)
    lines, _ = await read(source, USERS, cursor)
    assert sorted(records(lines, "users").values()) == sorted(LETTERS)
    for letter in LETTERS:
        line = await source.fetch(USERS, json.loads(letter)["id"])
        assert line is not None
        assert line[1] == letter
        assert line in lines
    policy = records((await read(source, POLICIES))[0], "conditionalAccessPolicies")
    assert policy == {"p1": b'{"id":"p1","displayName":"One", "state":"enabled"}'}


async def test_a_line_break_between_tokens_becomes_a_space(simulator: Simulator, connect: Connect) -> None:
    body = '{"value":[{"id":"1",\r\n"name":"a\\nb"}]}'
    simulator.fault("status", "policies$", status=200, body=body)
    lines, _ = await read(connect(), POLICIES)
    assert lines[1][1] == b'{"id":"1",  "name":"a\\nb"}'
    assert b"\n" not in encode_line(lines[1])


async def test_a_later_round_brings_changes_alone(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    simulator.create("groups", b'{"id":"g1","displayName":"G","securityEnabled":true}')
    simulator.create("groups/g1/members", *(b'{"id":"%b"}' % user.encode() for user in _two_users(simulator)))
    one, two = _two_users(simulator)
    _, cursor = await read(source, GROUPS)
    assert (await read(source, GROUPS, cursor))[0] == []
    simulator.change(b'{"op":"delete","path":"groups/g1/members/%b"}' % one.encode())
    lines, cursor = await read(source, GROUPS, cursor)
    assert (f"groups.members\0groups/g1/members/{one}".encode(), None) in lines
    assert two not in str(lines)
    simulator.change(b'{"op":"delete","path":"groups/g1"}')
    lines, _ = await read(source, GROUPS, cursor)
    assert (b"groups\0groups/g1", None) in lines
    assert (b"groups.members\0groups/g1/members/", None) in lines


def _two_users(simulator: Simulator) -> tuple[str, str]:
    found = sorted(ids(simulator.objects("users")))
    return found[0], found[1]


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("status", {"status": 429, "headers": {"Retry-After": "0.05"}}),
        ("status", {"status": 429}),
        ("status", {"status": 500}),
        ("status", {"status": 502, "body": "<html>"}),
        ("status", {"status": 503, "headers": {"Retry-After": "0"}}),
        ("status", {"status": 504}),
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


async def test_a_429_is_told_to_the_budget_with_its_fraction(
    simulator: Simulator, connect: Connect, budget: Budget
) -> None:
    simulator.fault("status", "policies", status=429, headers={"Retry-After": "0.125"})
    await read(connect(), POLICIES)
    assert budget.told == [0.125]
    assert budget.asked == 2


async def test_a_long_retry_after_is_left_to_the_engine(simulator: Simulator, connect: Connect, budget: Budget) -> None:
    simulator.fault("status", "policies", status=429, headers={"Retry-After": "600"})
    with pytest.raises(GraphTrouble) as met:
        await read(connect(), POLICIES)
    assert met.value.after == 600
    assert met.value.request_id
    assert budget.told == [600]


async def test_lasting_trouble_is_given_up_after_some_tries(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", "policies", times=5, status=503)
    with pytest.raises(GraphTrouble, match="status 503, code ServiceUnavailable"):
        await read(connect(), POLICIES)


async def test_silence_is_trouble(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("slow", "policies", seconds=1)
    source = connect(patience=Patience(first_wait_seconds=0.01, answer_seconds=0.2))
    assert len(records((await read(source, POLICIES))[0], "conditionalAccessPolicies")) == 1


@pytest.mark.parametrize("what", ["drop", "truncate", "garbage", "429", "503"])
async def test_a_sign_in_in_trouble_is_tried_again(simulator: Simulator, connect: Connect, what: str) -> None:
    if what.isdigit():
        simulator.fault("status", TOKEN, status=int(what), headers={"Retry-After": "0.05"}, body="")
    else:
        simulator.fault(what, TOKEN)
    assert await connect().organization_id() == DIRECTORY_ID


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "wrong"},
        {"client_id": "99999999-9999-9999-9999-999999999999"},
        {"directory_id": "99999999-9999-9999-9999-999999999999"},
    ],
    ids=str,
)
async def test_a_refused_sign_in_says_so_once(simulator: Simulator, connect: Connect, wrong: dict[str, str]) -> None:
    with pytest.raises(Refuse) as met:
        await connect(**wrong).organization_id()
    assert met.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "AADSTS" in met.value.message
    assert "wrong" not in met.value.message


async def test_a_secret_is_asked_for_afresh_after_a_refusal(simulator: Simulator, connect: Connect) -> None:
    source = connect(client_id="33333333-3333-3333-3333-333333333333", secret="new")
    with pytest.raises(Refuse):
        await source.organization_id()
    app = {
        "client_id": "33333333-3333-3333-3333-333333333333",
        "secret": "new",
        "permissions": ["Organization.Read.All"],
    }
    simulator.set("apps", app)
    assert await source.organization_id() == DIRECTORY_ID


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


async def test_a_challenge_behind_another_one_is_met(simulator: Simulator, connect: Connect) -> None:
    claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1"}}}').decode()
    header = f'PoP realm="", nonce="n", Bearer realm="", error="insufficient_claims", claims="{claims}"'
    simulator.fault("status", "organization", status=401, headers={"WWW-Authenticate": header})
    assert await connect().organization_id() == DIRECTORY_ID
    assert simulator.asked("/v1.0/organization") == 2


async def test_a_token_refused_again_and_again_fails_the_sign_in(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("claims-challenge", "organization", times=2)
    with pytest.raises(Refuse) as met:
        await connect().organization_id()
    assert met.value.code is Code.GRAPH_SIGN_IN_FAILED
    simulator.fault("status", "organization", times=2, status=401)
    with pytest.raises(Refuse):
        await connect().organization_id()


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_refused_cursor_starts_over(simulator: Simulator, connect: Connect, status: int) -> None:
    source = connect()
    _, cursor = await read(source, USERS)
    simulator.fault("status", DELTA, status=status)
    with pytest.raises(StartOver):
        await read(source, USERS, cursor)


async def test_tokens_that_expire_are_renewed_and_cursors_that_expire_start_over(
    simulator: Simulator, connect: Connect
) -> None:
    source = connect()
    _, cursor = await read(source, USERS)
    simulator.set("clock", {"advance_days": 8})
    with pytest.raises(StartOver):
        await read(source, USERS, cursor)
    assert (await read(source, USERS))[0]


@pytest.mark.parametrize(
    "host", ["https://graph.test", "http://HOST", "https://u@HOST", "https://127.0.0.1:1", "//x", ""]
)
async def test_a_link_to_another_host_is_not_followed(simulator: Simulator, connect: Connect, host: str) -> None:
    link = host.replace("HOST", simulator.url.removeprefix("https://")) + "/v1.0/users/delta?$skiptoken=secret"
    simulator.fault("status", DELTA, status=200, body=json.dumps({"value": [], "@odata.nextLink": link}))
    with pytest.raises(Refuse) as met:
        await read(connect(), USERS)
    assert met.value.code is Code.GRAPH_UNEXPECTED
    assert "secret" not in met.value.message
    assert simulator.asked(DELTA) == 1


async def test_a_delta_page_that_goes_nowhere_is_asked_for_again(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("status", DELTA, status=200, body='{"value":[]}')
    assert (await read(connect(), USERS))[1] is not None


async def test_an_object_that_is_not_there_is_none(connect: Connect) -> None:
    assert await connect().fetch(USERS, "99999999-9999-9999-9999-999999999999") is None


async def test_an_entry_without_its_witnesses_is_fetched(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    user = sorted(ids(simulator.objects("users")))[0]
    body = {"value": [{"id": user, "city": "Berlin"}], "@odata.deltaLink": f"{simulator.url}{DELTA}?$deltatoken=x"}
    simulator.fault("status", DELTA, status=200, body=json.dumps(body))
    (page,) = [page async for page in source.pages(USERS, None)]
    assert records(list(page.lines()), "users") == {}
    assert page.incomplete() == [user]
    line = await source.fetch(USERS, user)
    assert line is not None
    assert line[0] == f"users\0users/{user}".encode()
    assert line[1] is not None
    assert json.loads(line[1])["userPrincipalName"]
    assert b"@odata.context" not in line[1]


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


async def test_the_next_page_is_asked_for_before_it_is_wanted(simulator: Simulator, connect: Connect) -> None:
    pages = connect().pages(USERS, None)
    await anext(pages)
    async with asyncio.timeout(5):
        while simulator.asked(DELTA) < 2:
            await asyncio.sleep(0.01)
    await pages.aclose()


async def test_one_token_serves_many_requests(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    await read(source, USERS)
    await read(source, GROUPS)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 1
    await source.close()
    await source.close()


def test_a_bundle_without_certificates_is_a_wrong_setting(tmp_path: Path, budget: Budget) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("nothing")
    with pytest.raises(Refuse) as met:
        GraphAccess(graph_url="https://g", authority_url="https://a", ca_bundle=str(bundle), budgets=budget)
    assert met.value.code is Code.SETTINGS_INVALID
