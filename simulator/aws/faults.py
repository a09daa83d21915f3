"""Scripted faults: which calls go wrong, how, and how often."""

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
    """One fault as it was posted, with how many calls matched and how many it hit.

    `match` holds shell patterns by field; a field that is absent matches everything. The first `skip` matching calls
    pass, the next `times` (None: all) are hit. Errors carry `code`, `status`, `message`; slow ones wait `seconds`.
    """

    what: str
    match: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0
    times: int | None = None
    code: str = "InternalFailure"
    status: int = 500
    message: str = "A simulated fault."
    seconds: float = 0.0
    seen: int = 0
    fired: int = 0


@dataclass(frozen=True)
class Target:
    """A call as faults are matched; `keys` are all names of its KMS keys, or the key of its S3 object."""

    service: str
    action: str
    account: str
    keys: Collection[str]


def fault_of(raw: object) -> Fault:
    """Read one posted fault. Raises ValueError with a sentence."""
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
    """The faults in force, in the order they were posted. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, faults: list[Fault]) -> None:
        """Put more faults in force."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Take all faults away."""
        with self._lock:
            self._faults.clear()

    def told(self) -> list[dict[str, Any]]:
        """Return every fault with how often it fired."""
        with self._lock:
            return [dict(vars(fault)) for fault in self._faults]

    def hit(self, target: Target) -> Fault | None:
        """Return the fault that hits this call, counting it; the first in order wins."""
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
    wanted = fault.match.get("key")
    return wanted is None or any(fnmatchcase(key, wanted) for key in target.keys)
