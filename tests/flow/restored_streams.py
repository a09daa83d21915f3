"""Run beat and a worker with the streams of a restore's test: ``celery -A tests.flow.restored_streams beat|worker``.

A backup then costs a third, and a restore makes several.
"""

from contextlib import ExitStack

from tests.tables import FEW, only, table
from workers.app import app

__all__ = ["app"]

_until_the_process_ends = ExitStack()
_until_the_process_ends.enter_context(table(only((*FEW, "conditionalAccessPolicies"))))
