"""When the client secret expires is read from the application's own object, where it may be."""

import json
from datetime import UTC, datetime

import pytest

from shared.domain.secret import Secret
from tests.contract.graph.reading import Connect
from tests.contract.graph.simulator import Simulator

SECRET = Secret(b"abc~the-rest")
PATH = r"/v1.0/applications\(appId='"


def registered(simulator: Simulator, app_id: str, *passwords: dict[str, str | None]) -> None:
    value = {"id": f"object-of-{app_id}", "appId": app_id, "passwordCredentials": list(passwords)}
    simulator.create("applications", json.dumps(value).encode())


async def test_the_first_end_among_secrets_of_its_hint_counts(simulator: Simulator, connect: Connect) -> None:
    registered(
        simulator,
        "a1",
        {"hint": "xyz", "endDateTime": "2026-01-01T00:00:00Z"},
        {"hint": "abc", "endDateTime": "2027-08-01T10:00:00.1234567Z"},
        {"hint": "abc", "endDateTime": "2027-03-01T09:30:00Z"},
        {"hint": None, "endDateTime": "2025-01-01T00:00:00Z"},
        {"hint": "abc", "endDateTime": None},
    )
    found = await connect().secret_expires_at("a1", SECRET)
    assert found == datetime(2027, 3, 1, 9, 30, tzinfo=UTC)


async def test_nothing_is_known_of_an_application_that_does_not_tell(simulator: Simulator, connect: Connect) -> None:
    registered(simulator, "a2", {"hint": "xyz", "endDateTime": "2027-01-01T00:00:00Z"})
    registered(simulator, "a3")
    for app_id in ("a2", "a3", "absent", "o'dd/.."):
        assert await connect().secret_expires_at(app_id, SECRET) is None


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
async def test_a_refusal_and_trouble_are_asked_once_and_keep_nobody_out(
    simulator: Simulator, connect: Connect, status: int
) -> None:
    simulator.fault("status", PATH, status=status)
    assert await connect().secret_expires_at("absent", SECRET) is None
    assert simulator.fired() == [1]


@pytest.mark.parametrize(
    "body", ["[]", '{"passwordCredentials":1}', "nonsense", '{"passwordCredentials":[{"endDateTime":"x"}]}']
)
async def test_an_answer_in_another_shape_tells_nothing(simulator: Simulator, connect: Connect, body: str) -> None:
    simulator.fault("status", PATH, status=200, body=body)
    assert await connect().secret_expires_at("a1", SECRET) is None
