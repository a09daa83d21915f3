"""The expiry of the client secret is read from the application's own object, if permitted."""

import json
from datetime import UTC, datetime

import pytest

from shared.domain.secret import Secret
from tests.contract.graph.reading import Connect
from tests.contract.graph.simulator import Simulator

SECRET = Secret(b"abc~the-rest")
PATH = r"/v1.0/applications\(appId='"


def register(simulator: Simulator, app_id: str, *passwords: dict[str, str | None]) -> None:
    value = {"id": f"object-of-{app_id}", "appId": app_id, "passwordCredentials": list(passwords)}
    simulator.create("applications", json.dumps(value).encode())


async def test_the_earliest_expiry_among_secrets_with_the_same_hint_counts(
    simulator: Simulator, connect: Connect
) -> None:
    register(
        simulator,
        "a1",
        {"hint": "xyz", "endDateTime": "2026-01-01T00:00:00Z"},
        {"hint": "abc", "endDateTime": "2027-08-01T10:00:00.1234567Z"},
        {"hint": "abc", "endDateTime": "2027-03-01T09:30:00Z"},
        {"hint": None, "endDateTime": "2025-01-01T00:00:00Z"},
        {"hint": "abc", "endDateTime": None},
    )
    expires_at = await connect().secret_expires_at("a1", SECRET)
    assert expires_at == datetime(2027, 3, 1, 9, 30, tzinfo=UTC)


async def test_the_expiry_is_unknown_without_a_matching_secret(simulator: Simulator, connect: Connect) -> None:
    register(simulator, "a2", {"hint": "xyz", "endDateTime": "2027-01-01T00:00:00Z"})
    register(simulator, "a3")
    for app_id in ("a2", "a3", "absent", "o'dd/.."):
        assert await connect().secret_expires_at(app_id, SECRET) is None


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
async def test_the_expiry_is_unknown_after_one_failed_request(
    simulator: Simulator, connect: Connect, status: int
) -> None:
    simulator.fault("status", PATH, status=status)
    assert await connect().secret_expires_at("absent", SECRET) is None
    assert simulator.fired() == [1]


@pytest.mark.parametrize(
    "body", ["[]", '{"passwordCredentials":1}', "nonsense", '{"passwordCredentials":[{"endDateTime":"x"}]}']
)
async def test_the_expiry_is_unknown_if_the_answer_is_malformed(
    simulator: Simulator, connect: Connect, body: str
) -> None:
    simulator.fault("status", PATH, status=200, body=body)
    assert await connect().secret_expires_at("a1", SECRET) is None
