"""Limits refuse excess requests, say when to retry, and are reported before they are reached."""

import pytest

from simulator.graph.answers import Refused
from simulator.graph.prices import Price, price
from simulator.graph.quotas import SIZES, Quotas, Window
from tests.simulator.graph.client import simulated

_POLICIES = "identity/conditionalAccess/policies"


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _refused(quotas: Quotas, app: str, price: Price) -> Refused:
    with pytest.raises(Refused) as caught:
        quotas.charge(app, price)
    return caught.value


def test_a_window_reports_when_a_request_would_fit() -> None:
    window = Window(10, seconds=10)
    assert [window.charge(second, 3) for second in (0.0, 1.0, 2.0)] == [0, 0, 0]
    assert window.charge(4.0, 1) == 0
    # 10 are used. With its own charge that is 12. Two of three units fit when the charges of 0 and 1 have expired.
    assert window.charge(5.0, 2) == pytest.approx(6.0)
    assert window.used(10.9) == 9
    assert window.used(11.0) == 6
    assert window.charge(11.0, 2) == 0


def test_reports_and_logs_allow_five_requests_in_ten_seconds_to_an_application(clock: Clock) -> None:
    quotas = Quotas("directory", "small", clock)
    logs = price("GET", "auditLogs/signIns", "")
    for _ in range(5):
        quotas.charge("one", logs)
    clock.seconds += 4
    assert _refused(quotas, "one", logs).headers["Retry-After"] == "6"
    quotas.charge("another", logs)
    quotas.charge("one", price("GET", "users", ""))


def test_a_client_that_does_not_wait_is_still_refused() -> None:
    window = Window(2, seconds=10)
    window.charge(0.0, 2)
    waits = [window.charge(float(second), 1) for second in range(1, 31)]
    assert all(waits)


@pytest.mark.parametrize(("size", "limit"), [("small", 3500), ("medium", 5000), ("large", 8000)])
def test_units_are_counted_per_application(clock: Clock, size: str, limit: int) -> None:
    quotas = Quotas("directory", size, clock)
    for _ in range(limit // 5):
        quotas.charge("one", Price(5))
    refused = _refused(quotas, "one", Price(1))
    assert (refused.status, refused.code, refused.message) == (
        429,
        "TooManyRequests",
        "Please retry again later.",
    )
    assert refused.inner == {"code": "429", "status": "429"}
    assert refused.headers == {
        "Retry-After": "10",
        "x-ms-resource-unit": "1",
        "x-ms-throttle-limit-percentage": "1.00",
        "x-ms-throttle-scope": "Tenant_Application/ReadWrite/one/directory",
        "x-ms-throttle-information": "ResourceUnitLimitExceeded",
    }
    assert quotas.charge("two", Price(1)) == {"x-ms-resource-unit": "1"}


def test_waiting_for_retry_after_suffices_and_it_may_be_fractional(clock: Clock) -> None:
    quotas = Quotas("directory", "small", clock)
    quotas.charge("one", Price(3500))
    clock.seconds += 7.8721
    after = _refused(quotas, "one", Price(2)).headers["Retry-After"]
    assert after == "2.128"
    clock.seconds += float(after) - 0.001
    _refused(quotas, "one", Price(2))
    clock.seconds += 0.001
    assert "Retry-After" not in quotas.charge("one", Price(2))


def test_use_is_reported_above_four_fifths_of_a_limit_and_never_beyond_the_published_maximum(clock: Clock) -> None:
    quotas = Quotas("directory", "small", clock)
    assert quotas.charge("one", Price(2800)) == {"x-ms-resource-unit": "2800"}
    assert quotas.charge("one", Price(350))["x-ms-throttle-limit-percentage"] == "0.90"
    refusals = [_refused(quotas, "one", Price(1400)) for _ in range(4)]
    assert [refused.headers["x-ms-throttle-limit-percentage"] for refused in refusals] == [
        "1.30", "1.70", "1.80", "1.80"
    ]  # fmt: skip


def test_writes_have_their_own_limit(clock: Clock) -> None:
    quotas = Quotas("directory", "large", clock)
    for _ in range(3000):
        quotas.charge("one", Price(1, writes=1))
        clock.seconds += 0.01
    refused = _refused(quotas, "one", Price(1, writes=1))
    assert refused.headers["x-ms-throttle-scope"] == "Tenant_Application/Write/one/directory"
    assert refused.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert float(refused.headers["Retry-After"]) == pytest.approx(120.01, abs=0.02)
    quotas.charge("one", Price(1))


def test_writes_of_all_applications_together_have_a_limit(clock: Clock) -> None:
    quotas = Quotas("directory", "large", clock)
    for number in range(18000):
        quotas.charge(f"app {number % 7}", Price(1, writes=1))
    refused = _refused(quotas, "app 1", Price(1, writes=1))
    assert refused.headers["x-ms-throttle-scope"] == "Tenant/Write/app 1/directory"


def test_conditional_access_allows_one_request_a_second_in_total_and_sends_no_retry_after(clock: Clock) -> None:
    quotas = Quotas("directory", "large", clock)
    assert quotas.charge("one", Price(0, scarce=True)) == {}
    refused = _refused(quotas, "two", Price(0, scarce=True))
    assert (refused.status, refused.message, refused.headers) == (429, "Too many requests.", {})
    clock.seconds += 0.5
    _refused(quotas, "one", Price(0, scarce=True))
    clock.seconds += 1
    assert quotas.charge("two", Price(0, scarce=True)) == {}


def test_used_units_are_reported(clock: Clock) -> None:
    quotas = Quotas("directory", "small", clock)
    quotas.charge("one", Price(1, writes=1))
    quotas.charge("one", Price(3499))
    _refused(quotas, "one", Price(2))
    quotas.charge("two", Price(0, scarce=True))
    assert quotas.document() == {
        "quotas": "small",
        "apps": [
            {
                "client_id": app,
                "units": {"used": units, "limit": 3500, "seconds": 10},
                "writes": {"used": writes, "limit": 3000, "seconds": 150},
                "refused": refused,
            }
            for app, units, writes, refused in (("one", 3502, 1, 1), ("two", 0, 0, 0))
        ],
        "writes": {"used": 1, "limit": 18000, "seconds": 300},
        "conditional_access": {"used": 1, "limit": 1, "seconds": 1},
    }


def test_without_quotas_nothing_is_refused_but_units_are_reported(clock: Clock) -> None:
    quotas = Quotas("directory", "off", clock)
    assert [quotas.charge("one", Price(9000)) for _ in range(3)] == [{"x-ms-resource-unit": "9000"}] * 3
    assert "off" not in SIZES


async def test_the_directory_reports_units_on_errors_too_and_conditional_access_never_does() -> None:
    async with simulated(policies=1, users=2) as client:
        units = {
            path: (await client.get(path)).headers.get("x-ms-resource-unit")
            for path in ("users", "users?$top=0", "users/none", "users/$count", "organization", _POLICIES)
        }
        assert units == {
            "users": "2",
            "users?$top=0": "1",
            "users/none": "1",
            "users/$count": "1",
            "organization": "1",
            _POLICIES: None,
        }


async def test_requests_over_the_limit_are_answered_429_including_single_items_of_a_batch(clock: Clock) -> None:
    async with simulated(users=3, policies=1, quotas=Quotas("d", "small", clock)) as client:
        for _ in range(1749):
            assert (await client.get("users")).status_code == 200
        assert (await client.get(_POLICIES)).status_code == 200
        urls = ["/organization", "/users", "/users?$select=id", "/" + _POLICIES]
        items = [{"id": str(place), "method": "GET", "url": url} for place, url in enumerate(urls)]
        answer = await client.http.post("/v1.0/$batch", json={"requests": items})
        by_id = {item["id"]: item for item in answer.json()["responses"]}
        assert {id: item["status"] for id, item in by_id.items()} == {"0": 200, "1": 429, "2": 429, "3": 429}
        assert by_id["1"]["headers"]["Retry-After"] == "10"
        assert by_id["1"]["body"]["error"]["innerError"]["status"] == "429"
        assert "retry-after" not in {name.lower() for name in by_id["3"]["headers"]}
        clock.seconds += 10
        assert (await client.get("users")).status_code == 200
        report = (await client.http.get("/_sim/quotas")).json()
        assert report["apps"][0]["refused"] == 3


async def test_a_refused_write_writes_nothing(clock: Clock) -> None:
    async with simulated(users=1, quotas=Quotas("d", "small", clock)) as client:
        id = (await client.objects("users"))[0]["id"]
        for _ in range(1750):
            await client.get("users")
        assert (await client.http.delete(f"/v1.0/users/{id}")).status_code == 429
        assert len(await client.objects("users")) == 1
