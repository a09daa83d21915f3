"""The control addresses under `/_sim/`: faults, request counters, the clock and key states."""

import json
import threading
from collections import Counter
from dataclasses import astuple, dataclass

from simulator.aws.answers import Answer, Refused, as_json
from simulator.aws.clock import Clock
from simulator.aws.faults import Faults, fault_of
from simulator.aws.keys import STATES, Keys


@dataclass(frozen=True)
class Counted:
    """The fields by which requests are counted. `code` is "OK", an AWS error code, or "dropped"."""

    service: str
    action: str
    account: str
    code: str


class Requests:
    """Request counters by service, action, account and result."""

    def __init__(self) -> None:
        self._counts: Counter[Counted] = Counter()
        self._lock = threading.Lock()

    def count(self, counted: Counted) -> None:
        """Count one request."""
        with self._lock:
            self._counts[counted] += 1

    def reset(self) -> None:
        """Reset all counters."""
        with self._lock:
            self._counts.clear()

    def listing(self) -> list[dict[str, object]]:
        """Return the counters, sorted."""
        with self._lock:
            counts = sorted(self._counts.items(), key=lambda item: astuple(item[0]))
        return [{**vars(counted), "count": n} for counted, n in counts]


@dataclass(frozen=True)
class Control:
    """The handler of `/_sim/` requests."""

    clock: Clock
    faults: Faults
    requests: Requests
    keys: Keys

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one control request: 400 with a sentence for invalid input, 404 for an unknown address."""
        try:
            return self._answer(f"{method} {path}", body)
        except ValueError as error:
            return as_json({"error": str(error)}, 400)

    def _answer(self, request: str, body: bytes) -> Answer:
        match request:
            case "GET /_sim/faults":
                return as_json(self.faults.listing())
            case "POST /_sim/faults":
                self.faults.add([fault_of(each) for each in _posted_list(body)])
                return as_json(self.faults.listing())
            case "DELETE /_sim/faults":
                self.faults.clear()
                return as_json([])
            case "GET /_sim/requests":
                return as_json(self.requests.listing())
            case "POST /_sim/reset-counters":
                self.requests.reset()
                return as_json([])
            case "POST /_sim/clock":
                self.clock.advance(_posted_days(body))
                return as_json({"now": self.clock.now()})
            case "POST /_sim/key-state":
                return as_json(self._set_state(body))
        return as_json({"error": "There is no such control."}, 404)

    def _set_state(self, body: bytes) -> dict[str, str]:
        """Set the state of a key. Some states (key store disconnected, material expired) cannot be reached by calls here."""
        posted = json.loads(body)
        arn, state = (posted.get("key"), posted.get("state")) if isinstance(posted, dict) else (None, None)
        if not isinstance(arn, str) or arn.count(":") != 5 or state not in STATES:
            raise ValueError(f'A state is posted as {{"key": ARN, "state": one of {", ".join(sorted(STATES))}}}.')
        _, _, _, region, account, _ = arn.split(":")
        try:
            key = self.keys.resolve(arn, (account, region))
            key.state = state
            if state == "Enabled":
                key.deletion = None
        except Refused as refused:
            raise ValueError(refused.message) from None
        return {"key": arn, "state": state}


def _posted_list(body: bytes) -> list[object]:
    posted = json.loads(body)
    if not isinstance(posted, list):
        raise ValueError("Faults are posted as a list.")
    return posted


def _posted_days(body: bytes) -> float:
    posted = json.loads(body)
    days = posted.get("advance_days") if isinstance(posted, dict) else None
    if not isinstance(days, int | float):
        raise ValueError('The clock takes {"advance_days": days}.')
    return days
