"""Run beat and the killing worker with a table of three streams: ``celery -A tests.flow.few_streams beat|worker``.

A backup then costs about half. Tests that are not about streams use it.
"""

from contextlib import ExitStack

from tests.flow.killing_worker import app
from tests.tables import FEW, only, table

__all__ = ["app"]

_until_the_process_ends = ExitStack()
_until_the_process_ends.enter_context(table(only(FEW)))
