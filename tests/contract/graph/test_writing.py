"""Writes to Graph: throttled ones are sent again, and those whose answer was lost never."""

import json
import ssl
from typing import Any

import pytest

from shared.adapters.graph import GraphAccess
from shared.adapters.graph.writing.target import GraphTarget
from shared.domain.errors import ClaimLost, GraphTrouble
from shared.domain.secret import Secret
from shared.ports.directory import DirectoryTarget, Identity, Outcome, WriteRequest
from tests.contract.graph.reading import RETRY_POLICY, Budget, ids
from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator
from tests.parts import free_port

POLICIES = "/identity/conditionalAccess/policies"


def group(name: str, **more: Any) -> WriteRequest:
    """Return the creation of a group."""
    value = {"displayName": name, "mailEnabled": False, "mailNickname": "g", "securityEnabled": True, **more}
    return WriteRequest(method="POST", path="/groups", body=json.dumps({**value, "groupTypes": []}).encode())


def groups_named(simulator: Simulator, name: str) -> int:
    """Return how many groups have this name."""
    return sum(json.loads(value)["displayName"] == name for value in simulator.objects("groups"))


IDENTITY = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))


def graph_access(simulator: Simulator, budget: Budget, graph_url: str | None = None) -> GraphAccess:
    """Return the access to the simulator's directory, or to another Graph with the same sign-in."""
    return GraphAccess(
        graph_url=graph_url or simulator.url,
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=budget,
        token_seconds=60,
        retry_policy=RETRY_POLICY,
    )


def unreachable(simulator: Simulator, budget: Budget) -> DirectoryTarget:
    """Return a target whose Graph refuses connections, while the sign-in works."""
    access = graph_access(simulator, budget, f"https://localhost:{free_port()}")
    return access.connect_target(IDENTITY, lambda: None)


async def test_an_object_is_created_changed_read_deleted_and_undeleted(
    simulator: Simulator, target: GraphTarget, budget: Budget
) -> None:
    created = await target.write(group("Writers"))
    assert (created.outcome, created.status) == (Outcome.DONE, 201)
    assert created.request_id
    object_id = json.loads(created.body)["id"]
    path = f"/groups/{object_id}"
    change = WriteRequest(method="PATCH", path=path, body=b'{"description":"who write"}')
    assert (await target.write(change)).outcome is Outcome.DONE
    value = await target.get(f"{path}?$select=id,description")
    assert value is not None
    assert json.loads(value)["description"] == "who write"
    assert b"@odata.context" not in value
    assert (await target.write(WriteRequest(method="DELETE", path=path))).status == 204
    assert await target.get(path) is None
    in_bin = [each async for each in target.deleted("/directory/deletedItems/microsoft.graph.group", ["displayName"])]
    assert object_id in [each.object_id for each in in_bin]
    undelete = WriteRequest(method="POST", path=f"/directory/deletedItems/{object_id}/restore", body=b"{}")
    assert (await target.write(undelete)).outcome is Outcome.DONE
    assert await target.get(path) is not None
    assert budget.admitted == [("directory", 1)] * 4


async def test_a_collection_is_listed_over_all_pages(simulator: Simulator, target: GraphTarget) -> None:
    users = await target.list("/users?$top=7")
    assert {json.loads(value)["id"] for value in users} == ids(simulator.objects("users"))
    assert simulator.request_count("/v1.0/users") > 2


async def test_a_throttled_write_is_sent_again_after_the_time_that_graph_demands(
    simulator: Simulator, target: GraphTarget, budget: Budget
) -> None:
    simulator.fault("status", "/v1.0/groups$", status=429, headers={"Retry-After": "0.03"})
    simulator.fault("status", "/v1.0/groups$", status=503, headers={"Retry-After": "0.02"})
    assert (await target.write(group("Patient"))).outcome is Outcome.DONE
    assert groups_named(simulator, "Patient") == 1
    assert budget.write_waits == [("directory", 0.03), ("directory", 0.02)]


async def test_a_write_throttled_for_too_long_is_to_be_sent_later(simulator: Simulator, target: GraphTarget) -> None:
    simulator.fault("status", "/v1.0/groups$", status=429, headers={"Retry-After": "100"})
    answer = await target.write(group("Impatient"))
    assert (answer.outcome, answer.status) == (Outcome.NOT_YET, 429)
    assert groups_named(simulator, "Impatient") == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "drop"},
        {"what": "truncate"},
        {"what": "garbage"},
        {"what": "status", "status": 500},
        {"what": "status", "status": 502},
        {"what": "status", "status": 503},
        {"what": "status", "status": 504},
        {"what": "status", "status": 302, "headers": {"Location": "https://portal.invalid/"}, "body": ""},
        {"what": "status", "status": 403, "body": "<html>blocked</html>"},
    ],
    ids=lambda fault: f"{fault['what']}-{fault.get('status', '')}",
)
async def test_a_write_whose_answer_is_lost_is_not_sent_again(
    simulator: Simulator, target: GraphTarget, fault: dict[str, Any]
) -> None:
    simulator.fault(path="/v1.0/groups$", **fault)
    assert (await target.write(group("Lost"))).outcome is Outcome.LOST
    assert simulator.request_count("/v1.0/groups") == 1


async def test_a_refused_connection_is_trouble_because_nothing_was_sent(simulator: Simulator, budget: Budget) -> None:
    target = unreachable(simulator, budget)
    for send in (target.write(group("Unsent")), target.write_all([group("Unsent"), group("Unsent")])):
        with pytest.raises(GraphTrouble, match="cannot be reached"):
            await send
    await target.close()


async def test_a_write_is_sent_once_anew_with_the_claims_that_graph_requires(
    simulator: Simulator, target: GraphTarget
) -> None:
    simulator.fault("claims-challenge", "/v1.0/groups$")
    assert (await target.write(group("Claimed"))).outcome is Outcome.DONE
    assert groups_named(simulator, "Claimed") == 1
    simulator.fault("status", "/v1.0/groups$", status=401)
    assert (await target.write(group("Renewed"))).outcome is Outcome.DONE
    simulator.fault("status", "/v1.0/groups$", status=401, times=2)
    assert (await target.write(group("Unknown"))).outcome is Outcome.FORBIDDEN


async def test_the_lease_is_checked_before_each_write(simulator: Simulator, budget: Budget) -> None:
    ended: list[ClaimLost] = []

    def check() -> None:
        if ended:
            raise ended[0]

    target = graph_access(simulator, budget).connect_target(IDENTITY, check)
    assert (await target.write(group("Leased"))).outcome is Outcome.DONE
    ended.append(ClaimLost())
    with pytest.raises(ClaimLost):
        await target.write(group("Leased"))
    assert groups_named(simulator, "Leased") == 1
    await target.close()


async def test_a_batch_has_an_answer_for_each_write(simulator: Simulator, target: GraphTarget, budget: Budget) -> None:
    missing = WriteRequest(method="PATCH", path=f"/groups/{DIRECTORY_ID}", body=b'{"description":"x"}')
    wrong = WriteRequest(method="POST", path="/groups", body=b'{"displayName":"Batched"}')
    answers = await target.write_all([group("Batched"), missing, *[group("Batched")] * 20, wrong])
    outcomes = [answer.outcome for answer in answers]
    assert outcomes == [Outcome.DONE, Outcome.MISSING, *[Outcome.DONE] * 20, Outcome.REFUSED]
    assert all(answer.request_id for answer in answers)
    assert groups_named(simulator, "Batched") == 21
    assert budget.admitted == [("directory", 20), ("directory", 3)]


async def test_only_throttled_items_of_a_batch_are_sent_again(
    simulator: Simulator, target: GraphTarget, budget: Budget
) -> None:
    simulator.fault("status", "/v1.0/groups$", status=429, headers={"Retry-After": "0.01"}, times=2)
    simulator.fault("status", "/v1.0/groups$", status=504, skip=0)
    answers = await target.write_all([group("Items") for _ in range(5)])
    assert sorted(answer.outcome for answer in answers) == [*[Outcome.DONE] * 4, Outcome.LOST]
    assert groups_named(simulator, "Items") == 4
    assert budget.admitted == [("directory", 5), ("directory", 2)]


async def test_a_batch_that_a_shared_token_may_not_write_is_sent_again_with_a_fresh_one(
    simulator: Simulator, budget: Budget
) -> None:
    client_id = "99999999-9999-9999-9999-999999999999"
    simulator.set("apps", {"client_id": client_id, "secret": SECRET, "permissions": []})
    identity = Identity(directory_id=DIRECTORY_ID, client_id=client_id, secret=Secret(SECRET.encode()))
    access = graph_access(simulator, budget)
    for tokens in (1, 2):  # the first target requests a token of its own, and the second takes it from the cache
        target = access.connect_target(identity, lambda: None)
        answers = await target.write_all([group("Granted"), group("Granted")])
        await target.close()
        assert [answer.outcome for answer in answers] == [Outcome.FORBIDDEN] * 2
        assert simulator.request_count("/{id}/oauth2/v2.0/token") == tokens


@pytest.mark.parametrize("what", ["drop", "truncate"])
async def test_a_batch_whose_answer_is_lost_is_not_sent_again(
    simulator: Simulator, target: GraphTarget, what: str
) -> None:
    simulator.fault(what, "/v1.0/.batch$")
    answers = await target.write_all([group("Lost batch"), group("Lost batch")])
    assert [answer.outcome for answer in answers] == [Outcome.LOST, Outcome.LOST]
    assert groups_named(simulator, "Lost batch") in (0, 2)


async def test_writes_of_a_refused_batch_are_sent_one_by_one(simulator: Simulator, target: GraphTarget) -> None:
    simulator.fault("status", "/v1.0/.batch$", status=400)
    answers = await target.write_all([group("Singly"), group("Singly")])
    assert [answer.outcome for answer in answers] == [Outcome.DONE, Outcome.DONE]
    assert groups_named(simulator, "Singly") == 2


async def test_requests_to_conditional_access_count_against_its_own_bucket(
    simulator: Simulator, target: GraphTarget, budget: Budget
) -> None:
    """Graph limits all requests there, reads included."""
    assert len(await target.list(POLICIES)) == 1
    await target.write(WriteRequest(method="POST", path=POLICIES, body=b"{}", bucket="conditional-access"))
    assert budget.admitted == [("conditional-access", 1), ("conditional-access", 1)]
