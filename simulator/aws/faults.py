"""Scripted faults: which calls fail, how, and how often."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

_FIELDS = frozenset({"match", "skip", "times", "what", "code", "status", "message", "seconds"})
_MATCHED = frozenset({"service", "action", "account", "key"})
_SERVICES = ("kms", "s3", "sts")
_KINDS = frozenset({"error", "drop", "slow"})


@dataclass
class Fault:
    """One fault as it was posted, and its counters. Fields are those of the JSON."""

    what: str
    """`error`, `drop` (reset the connection) or `slow`."""
    match: Mapping[str, str] = field(default_factory=dict)
    """Shell patterns by field. A field that is absent matches everything."""
    skip: int = 0
    """Number of matching calls that pass before the fault applies."""
    times: int | None = None
    """Number of calls that the fault then hits; None means all."""
    code: str = "InternalFailure"
    """AWS error code of an `error`."""
    status: int = 500
    """HTTP status of an `error`."""
    message: str = "A simulated fault."
    """Message of an `error`."""
    seconds: float = 0.0
    """Delay of a `slow` fault."""
    seen: int = 0
    """Number of calls that matched."""
    fired: int = 0
    """Number of calls that were hit."""


@dataclass(frozen=True)
class Target:
    """The properties of a call that faults match. `keys` holds all names of its KMS keys, or its S3 object key."""

    service: str
    action: str
    account: str
    keys: Collection[str]


def fault_of(raw: object) -> Fault:
    """Parse one posted fault. Raises ValueError with a sentence for the client."""
    if not isinstance(raw, dict) or not raw.keys() <= _FIELDS:
        raise ValueError(f"A fault is an object with some of: {', '.join(sorted(_FIELDS))}.")
    if raw.get("what") not in _KINDS:
        raise ValueError(f"A fault's what is one of: {', '.join(sorted(_KINDS))}.")
    match = raw.get("match", {})
    if not isinstance(match, dict) or not match.keys() <= _MATCHED:
        raise ValueError(f"A fault's match has some of: {', '.join(sorted(_MATCHED))}.")
    if not all(isinstance(pattern, str) for pattern in match.values()):
        raise ValueError("A fault's match holds strings.")
    service = match.get("service", "*").lower()
    if not any(fnmatchcase(known, service) for known in _SERVICES):
        raise ValueError(f"A fault's service is one of: {', '.join(_SERVICES)}.")
    for name in ("skip", "times", "status", "seconds"):
        if name in raw and (not isinstance(raw[name], int | float) or raw[name] < 0):
            raise ValueError(f"A fault's {name} is a number, not negative.")
    return Fault(**{**raw, "match": {**match, "service": service}})


class Faults:
    """All active faults, in the order in which they were posted. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, faults: list[Fault]) -> None:
        """Activate further faults."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def listing(self) -> list[dict[str, Any]]:
        """Return every fault with its counters."""
        with self._lock:
            return [dict(vars(fault)) for fault in self._faults]

    def hit(self, target: Target) -> Fault | None:
        """Return the first fault that applies to this call, or None. Counts the match and the hit."""
        with self._lock:
            for fault in self._faults:
                if _matches(fault, target):
                    fault.seen += 1
                    if fault.seen > fault.skip and (fault.times is None or fault.fired < fault.times):
                        fault.fired += 1
                        return fault
        return None


def _matches(fault: Fault, target: Target) -> bool:
    for name in ("service", "action", "account"):
        if name in fault.match and not fnmatchcase(getattr(target, name), fault.match[name]):
            return False
    pattern = fault.match.get("key")
    return pattern is None or any(fnmatchcase(key, pattern) for key in target.keys)
