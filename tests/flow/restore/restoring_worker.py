"""Run beat and a worker for restores: ``celery -A tests.flow.restore.restoring_worker beat|worker``.

Waits are short, the table has the streams that the stories are about, and tests may kill workers at planned points.
"""

from contextlib import ExitStack

import msgspec

from shared.domain.backoff import Backoff
from tests.flow import killing_worker
from tests.flow.killing_worker import app
from tests.tables import only, table

__all__ = ["app"]

STREAMS = (
    *("users", "groups", "applications", "servicePrincipals", "servicePrincipals.appRoleAssignedTo"),
    *("applications.owners", "conditionalAccessPolicies", "namedLocations", "organization"),
)

killing_worker.LIMITS = msgspec.structs.replace(
    killing_worker.LIMITS,
    backup_look_seconds=0.2,
    write_seconds=2.0,
    write_claim_seconds=4.0,
    doubt_seconds=0.2,
    look_backoff=Backoff(first=0.2, longest=0.6),
    lag_backoff=Backoff(first=0.05, longest=0.3),
    lag_seconds=30.0,
    mark_seconds=0.3,
    prove_seconds=3.0,
    prove_backoff=Backoff(first=0.5, longest=1.0),
)
_until_the_process_ends = ExitStack()
_until_the_process_ends.enter_context(table(only(STREAMS)))
