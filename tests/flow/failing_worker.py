"""Run the product's worker with a defect: ``celery -A tests.flow.failing_worker worker``.

Every step that reads a page raises an exception that repeats Graph's answer, as a library's exception may. The
environment variable ENTRAKEEP_TEST_DEFECT has the text.
"""

import os
from typing import NoReturn

from shared import wiring
from shared.engine.context import Context
from shared.ports.observer import Observer, Point
from workers import tasks
from workers.app import app

__all__ = ["app"]


class Defect(Observer):
    def reach(self, point: Point) -> None:
        if point is Point.PAGE:
            _parse(os.environ["ENTRAKEEP_TEST_DEFECT"])


def _parse(answer: str) -> NoReturn:
    raise LookupError(f"cannot read {answer}")


def _context() -> Context:
    return wiring.worker_context(app, listeners=[Defect()])


tasks.make_context = _context
