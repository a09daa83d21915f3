"""Quotas of the directory, and refusals when one is exhausted (Graph: "Service-specific throttling limits").

A limit counts the requests of a sliding window of the real clock. Refused requests count too, so a client that does not wait
stays refused. Reports and logs allow five requests in ten seconds to an application. Conditional Access and identity
protection allow one request per second to all applications together, and refuse without a Retry-After header.
"""

import math
import time
from collections import deque
from collections.abc import Callable

from simulator.graph.answers import Refused
from simulator.graph.prices import Price

SIZES = {"small": 3500, "medium": 5000, "large": 8000}
"""Resource units per application in ten seconds, by directory size: under 50, 50 to 500, over 500 users."""
_UNITS_SECONDS = 10
_WRITES, _WRITES_SECONDS = 3000, 150
_ALL_WRITES, _ALL_WRITES_SECONDS = 18000, 300
_REPORTS, _REPORTS_SECONDS = 5, 10
_REPORTED_FROM, _REPORTED_TO = 0.8, 1.8
_EPSILON = 1e-6
"""Seconds. Tolerance for rounding errors in sums of times."""


class Window:
    """One limit, and the charges of the last `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._used = 0
        self._charges: deque[tuple[float, int]] = deque()

    def used(self, now: float) -> int:
        """Return the sum of the charges in the window that ends now."""
        while self._charges and self._charges[0][0] + self.seconds <= now + _EPSILON:
            self._used -= self._charges.popleft()[1]
        return self._used

    def charge(self, now: float, cost: int) -> float:
        """Charge a request, whether or not it fits. Return the seconds until it would fit, or 0 if it fits now."""
        fits = self.used(now) + cost <= self.limit
        self._charges.append((now, cost))
        self._used += cost
        if fits:
            return 0
        remaining = self._used
        for charged_at, units in self._charges:
            remaining -= units
            if remaining + cost <= self.limit:
                return charged_at + self.seconds - now
        return self.seconds

    def usage(self, now: float) -> dict[str, object]:
        """Return use and limit, for `/_sim/quotas`."""
        return {"used": self.used(now), "limit": self.limit, "seconds": self.seconds}


class _Usage:
    """The use of one application."""

    def __init__(self, units: int) -> None:
        self.units = Window(units, _UNITS_SECONDS)
        self.writes = Window(_WRITES, _WRITES_SECONDS)
        self.reports = Window(_REPORTS, _REPORTS_SECONDS)
        self.refused = 0


class Quotas:
    """The quotas of one directory. `size` is a key of `SIZES`, or `off`. `now` is a monotonic clock in seconds."""

    def __init__(self, directory_id: str, size: str, now: Callable[[], float] = time.monotonic) -> None:
        self._directory_id = directory_id
        self.size = size
        self._now = now
        self._apps: dict[str, _Usage] = {}
        self._writes = Window(_ALL_WRITES, _ALL_WRITES_SECONDS)
        self._scarce = Window(1, 1)

    def charge(self, app: str, price: Price) -> dict[str, str]:
        """Charge a request to an application. Return headers for its answer. Raises Refused (429) if a limit is exhausted."""
        headers = {"x-ms-resource-unit": str(price.units)} if price.units else {}
        if self.size == "off":
            return headers
        now = self._now()
        use = self._apps.setdefault(app, _Usage(SIZES[self.size]))
        if price.scarce:
            if self._scarce.charge(now, 1):
                use.refused += 1
                raise _refused("Too many requests.", {})
            return {}
        if price.reported:
            seconds = use.reports.charge(now, 1)
            if seconds:
                use.refused += 1
                raise _refused("Too many requests.", {"Retry-After": f"{math.ceil(seconds)}"})
            return {}
        limits = [(use.units, price.units, f"Tenant_Application/ReadWrite/{app}", "ResourceUnitLimitExceeded")]
        if price.writes:
            limits.append((use.writes, price.writes, f"Tenant_Application/Write/{app}", "WriteLimitExceeded"))
            limits.append((self._writes, price.writes, f"Tenant/Write/{app}", "WriteLimitExceeded"))
        waits = [(limit.charge(now, cost), scope, reason) for limit, cost, scope, reason in limits]
        share = max(limit.used(now) / limit.limit for limit, *_ in limits)
        if share > _REPORTED_FROM:
            headers["x-ms-throttle-limit-percentage"] = f"{min(share, _REPORTED_TO):.2f}"
        seconds, scope, reason = max(waits)
        if seconds:
            use.refused += 1
            headers["Retry-After"] = f"{math.ceil(seconds * 1000) / 1000:g}"
            headers["x-ms-throttle-scope"] = f"{scope}/{self._directory_id}"
            headers["x-ms-throttle-information"] = reason
            raise _refused("Please retry again later.", headers)
        return headers

    def document(self) -> dict[str, object]:
        """Return the use of each application, and of all of them together, for `/_sim/quotas`."""
        now = self._now()
        apps = [
            {"client_id": app, "units": use.units.usage(now), "writes": use.writes.usage(now), "refused": use.refused}
            for app, use in sorted(self._apps.items())
        ]
        together = {"writes": self._writes.usage(now), "conditional_access": self._scarce.usage(now)}
        return {"quotas": self.size, "apps": apps, **together}


def _refused(message: str, headers: dict[str, str]) -> Refused:
    return Refused(429, "TooManyRequests", message, headers, inner={"code": "429", "status": "429"})
