"""Leave steps that only a newer version knows to its workers. Old and new workers share a catalog during an upgrade."""

import functools
import logging
from collections.abc import Iterator

from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import steps
from shared.adapters.catalog.tenancy import Changes
from shared.domain.jobs import StepPlan, may_run

log = logging.getLogger(__name__)


def may_run_step(rows: Changes, job: RowMapping, step: RowMapping) -> bool:
    """Return True if this version may run the step, otherwise log once why it is left to other workers."""
    if may_run(job["kind"], StepPlan(phase=step["phase"], name=step["name"]), _planned(rows, job["job_id"])):
        return True
    log_left(job["kind"], step["phase"], step["name"])
    return False


def _planned(rows: Changes, job_id: str) -> Iterator[StepPlan]:
    """Yield the job's planned steps. Do not query them for a step that reads one stream, which needs no other step."""
    columns = (steps.c.phase, steps.c.name)
    query = rows.query(steps, steps.c.job_id == job_id).with_only_columns(*columns)
    yield from (StepPlan(phase=each["phase"], name=each["name"]) for each in rows.all(query))


@functools.lru_cache(maxsize=64)
def log_left(kind: str, phase: int, name: str) -> None:
    """Log, once for each kind of step, that it is left to workers of a newer version."""
    message = "left step %s of phase %d of a %s job to workers of a newer version: this one does not know all its steps"
    log.warning(message, name, phase, kind)
