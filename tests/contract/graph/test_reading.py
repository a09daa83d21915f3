"""GraphAccess against a Graph over TLS: the records are complete and equal byte for byte."""

import asyncio
import gc
import json
from itertools import chain

import httpx
import pytest

from shared.adapters.graph.page import GraphPage
from shared.domain.errors import Answer, Skip
from shared.domain.records import encode_line
from shared.domain.resources import RESOURCES, STREAMS, Stream
from tests.contract.graph.reading import (
    DELTA,
    GROUPS,
    POLICIES,
    USERS,
    Connect,
    ids,
    read,
    records,
)
from tests.contract.graph.simulator import DIRECTORY_ID, Simulator
from tests.tables import SMALL

NAMED_BY_POLICIES = {
    "identity/conditionalAccess/namedLocations": (
        b'{"@odata.type":"#microsoft.graph.ipNamedLocation","id":"l1","displayName":"Office", "isTrusted":true}',
        b'{"@odata.type":"#microsoft.graph.countryNamedLocation","id":"l2","countriesAndRegions":["DE"]}',
    ),
    "identity/conditionalAccess/authenticationContextClassReferences": (
        b'{"id":"c1","displayName":"Payroll","isAvailable":true}',
    ),
    "roleManagement/directory/roleAssignments": (
        b'{"id":"a1","principalId":"p","roleDefinitionId":"r","directoryScopeId":"/"}',
    ),
    "directory/administrativeUnits": (b'{"id":"u1","displayName":"Berlin","visibility":null}',),
}


async def test_every_stream_of_objects_is_read_whole(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    for path, values in NAMED_BY_POLICIES.items():
        simulator.create(path, *values)
    for stream in STREAMS.values():
        if stream.name not in SMALL or stream.children is not None or RESOURCES[stream.resource].for_people:
            continue
        lines, cursor = await read(source, stream)
        path = stream.collection.removeprefix("/")
        expected = ids(simulator.objects(path))
        assert expected
        assert records(lines, stream.resource).keys() == expected
        assert (cursor is not None) == (stream.path.endswith("/delta"))
        assert await source.probe(stream) is Answer.WHOLE
    assert await source.organization_id() == DIRECTORY_ID


async def test_units_are_read_with_their_members(simulator: Simulator, connect: Connect) -> None:
    one, two = _two_users(simulator)
    simulator.create("directory/administrativeUnits", b'{"id":"u2","displayName":"Paris"}')
    simulator.create("directory/administrativeUnits/u2/members", b'{"id":"%b"}' % one.encode())
    lines, cursor = await read(connect(), STREAMS["administrativeUnits"])
    assert f"u2/members/{one}" in records(lines, "administrativeUnits.members")
    simulator.create("directory/administrativeUnits/u2/members", b'{"id":"%b"}' % two.encode())
    simulator.change(b'{"op":"delete","path":"directory/administrativeUnits/u2/members/%b"}' % one.encode())
    lines, _ = await read(connect(), STREAMS["administrativeUnits"], cursor)
    assert records(lines, "administrativeUnits.members").keys() == {f"u2/members/{two}"}
    assert (f"administrativeUnits.members\0administrativeUnits/u2/members/{one}".encode(), None) in lines


async def test_only_strengths_of_the_directory_are_asked_for_configurations(
    simulator: Simulator, connect: Connect
) -> None:
    simulator.create(
        "policies/authenticationStrengthPolicies", b'{"id":"s1","displayName":"Keys","policyType":"custom"}'
    )
    keys = b'{"@odata.type":"#microsoft.graph.fido2CombinationConfiguration","id":"k1","allowedAAGUIDs":["1"]}'
    simulator.create("policies/authenticationStrengthPolicies/s1/combinationConfigurations", keys)
    configurations = STREAMS["authenticationStrengthPolicies.combinationConfigurations"]
    simulator.set("reset-counters", None)
    lines, _ = await read(connect(), configurations)
    assert records(lines, configurations.resource) == {"s1/combinationConfigurations/k1": keys}
    path = "/v1.0/policies/authenticationStrengthPolicies/{id}/combinationConfigurations"
    assert simulator.request_count(path) == 1, "built-in strengths have none"
    assert await connect().probe(configurations) is Answer.WHOLE


async def test_terms_of_use_are_refused_to_applications(connect: Connect) -> None:
    assert await connect().probe(STREAMS["termsOfUseAgreements"]) is Answer.FORBIDDEN


@pytest.mark.parametrize(
    "stream", [stream for stream in STREAMS.values() if RESOURCES[stream.resource].licence == "P1"]
)
async def test_a_missing_licence_is_told_from_a_missing_permission(
    stream: Stream, simulator: Simulator, connect: Connect
) -> None:
    simulator.set("licences", [])
    try:
        answers = {await connect().probe(stream), await connect().probe(stream, listing=not stream.needs)}
    finally:
        simulator.set("licences", ["P1", "P2", "Governance"])
    is_told = not RESOURCES[stream.resource].for_people and not (stream.children and stream.children.detail)
    assert not is_told or answers == {Answer.UNLICENSED}


async def test_what_graph_hides_silently_counts_as_refused_and_not_as_empty(
    simulator: Simulator, connect: Connect
) -> None:
    attributes = STREAMS["servicePrincipals.customSecurityAttributes"]
    value = {"id": "p1", "appId": "p1", "customSecurityAttributes": {"Engineering": {"Level": "4"}}}
    simulator.create("servicePrincipals", json.dumps(value).encode())
    application = {"client_id": "seeing", "secret": "s", "permissions": ["Application.Read.All"]}
    simulator.set("apps", application)
    source = connect(client_id="seeing", secret="s")
    assert await source.probe(attributes) is Answer.FORBIDDEN
    with pytest.raises(Skip) as skip:
        await read(source, attributes)
    assert skip.value.answer is Answer.FORBIDDEN
    permitted = ["Application.Read.All", RESOURCES[attributes.resource].permission_read]
    simulator.set("apps", {**application, "secret": "t", "permissions": permitted})
    lines, _ = await read(connect(client_id="seeing", secret="t"), attributes)
    assert list(records(lines, attributes.resource)) == ["p1"]


async def test_links_are_read_from_delta(simulator: Simulator, connect: Connect) -> None:
    simulator.set("delta", {"links_per_entry": 2})
    lines, _ = await read(connect(), GROUPS)
    simulator.set("delta", {"links_per_entry": 200})
    groups = records(lines, "groups")
    for relation in ("members", "owners"):
        expected = {
            f"{group}/{relation}/{target}"
            for group in groups
            for target in ids(simulator.objects(f"groups/{group}/{relation}"))
        }
        assert expected
        assert records(lines, f"groups.{relation}").keys() == expected


LETTERS = [
    b'{"userPrincipalName":"a@x", "numbers" : [1.0, 1E+2, -0.0, 12345678901234567890123],"id":"letter-1"}',
    b'{"nested":{"id":"not-this"},"userPrincipalName":"b","\\u0061":"\\u00fc\\/","a":1,"a":2,"id":"letter-2"}',
    b'{"id":"letter-3","userPrincipalName":"c","sep":"\xe2\x80\xa8","emoji":"\\ud83d\\ude00"}',
    b'{"id":"letter-4","userPrincipalName":"d","lonely":"\\ud800 \\udc00"}',
    b'{ "id" : "letter 5" ,\t"userPrincipalName":"manager@delta" }',
]


async def test_objects_are_read_byte_for_byte(simulator: Simulator, connect: Connect) -> None:
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


async def test_a_later_delta_round_returns_only_changes(simulator: Simulator, connect: Connect) -> None:
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
    user_ids = sorted(ids(simulator.objects("users")))
    return user_ids[0], user_ids[1]


async def test_fetch_of_a_missing_object_returns_none(connect: Connect) -> None:
    assert await connect().fetch(USERS, "99999999-9999-9999-9999-999999999999") is None


async def test_an_incomplete_delta_entry_is_reported_and_can_be_fetched(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    user = sorted(ids(simulator.objects("users")))[0]
    body = {"value": [{"id": user, "city": "Berlin"}], "@odata.deltaLink": f"{simulator.url}{DELTA}?$deltatoken=x"}
    simulator.fault("status", DELTA, status=200, body=json.dumps(body))
    (page,) = [page async for page in source.pages(USERS, None)]
    assert records(list(chain.from_iterable(page.entries())), "users") == {}
    assert page.incomplete() == [user]
    line = await source.fetch(USERS, user)
    assert line is not None
    assert line[0] == f"users\0users/{user}".encode()
    assert line[1] is not None
    assert json.loads(line[1])["userPrincipalName"]
    assert b"@odata.context" not in line[1]


async def test_the_next_page_is_prefetched(simulator: Simulator, connect: Connect) -> None:
    pages = connect().pages(USERS, None)
    await anext(pages)
    async with asyncio.timeout(5):
        while simulator.request_count(DELTA) < 2:
            await asyncio.sleep(0.01)
    await pages.aclose()


async def test_pages_are_freed_without_the_garbage_collector(connect: Connect) -> None:
    def live_pages() -> int:
        return sum(isinstance(each, GraphPage | httpx.Response) for each in gc.get_objects())

    source = connect()
    await read(source, USERS)
    gc.collect()
    before = live_pages()
    gc.disable()
    try:
        await read(source, USERS)
        await read(source, POLICIES)
        assert live_pages() <= before
    finally:
        gc.enable()
