"""Points of the write order at which a worker of the tests ends or freezes.

Tests write the plan into files. A stack has one folder. Each tenant has a file of plans and a file of passed points.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, Signals

import msgspec

from shared.ports.observer import Point

FOLDER = "ENTRAKEEP_TEST_POINTS"
"""The environment variable that names the folder for a worker."""
OVER = "over"
"""Passed when a task has returned, whatever the result of its step."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The fault for a worker that passes ``point`` for the ``nth`` time (from 1), or each time if ``nth`` is None."""

    point: Point
    step: str | None = None
    """A stream's name or ``commit``. None stands for any step."""
    phase: int | None = None
    nth: int | None = 1
    signal: Signals = SIGKILL


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """One passing of a point. ``struck`` is true if a plan matched it."""

    point: str
    step: str
    phase: int
    process: int
    struck: bool = False


class Points:
    """The points that workers passed in their steps for one tenant."""

    def __init__(self, folder: Path, tenant_id: str) -> None:
        self._plans = folder / f"{tenant_id}.plans"
        self._trail = folder / f"{tenant_id}.trail"

    def plan(self, *plans: Plan) -> None:
        """Replace the plans."""
        new_file = self._plans.with_suffix(".new")
        new_file.write_bytes(msgspec.json.encode(plans))
        new_file.replace(self._plans)

    def passed(self) -> list[Passed]:
        """Return every passing, in order."""
        lines = self._trail.read_bytes().splitlines() if self._trail.exists() else []
        return [msgspec.json.decode(line, type=Passed) for line in lines]

    def struck(self) -> list[Passed]:
        """Return the passings that a plan matched."""
        return [passed for passed in self.passed() if passed.struck]

    def meet(self, point: str, step: str, phase: int) -> Signals | None:
        """Record that this process passes the point. Return the planned signal, or None."""
        passing = Passed(point=point, step=step, phase=phase, process=os.getpid())
        with self._alone() as log:
            plan = next((each for each in self._planned() if self._strikes(each, passing)), None)
            struck = msgspec.structs.replace(passing, struck=plan is not None)
            os.write(log, msgspec.json.encode(struck) + b"\n")
        return plan.signal if plan else None

    def _planned(self) -> list[Plan]:
        return msgspec.json.decode(self._plans.read_bytes(), type=list[Plan]) if self._plans.exists() else []

    def _strikes(self, plan: Plan, passing: Passed) -> bool:
        if not _fits(plan, passing):
            return False
        return plan.nth in (None, 1 + sum(_fits(plan, earlier) for earlier in self.passed()))

    @contextmanager
    def _alone(self) -> Iterator[int]:
        log = os.open(self._trail, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            fcntl.flock(log, fcntl.LOCK_EX)
            yield log
        finally:
            os.close(log)


def _fits(plan: Plan, passing: Passed) -> bool:
    return plan.point == passing.point and plan.step in (None, passing.step) and plan.phase in (None, passing.phase)
