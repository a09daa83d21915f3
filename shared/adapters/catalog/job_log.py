"""Log the end of a job when its transaction commits, in whichever process that is."""

import logging
from functools import partial
from typing import Any

from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import snapshots, steps
from shared.adapters.catalog.tenancy import Changes
from shared.domain.errors import Code
from shared.domain.jobs import Details, JobState

log = logging.getLogger(__name__)


def log_end(
    rows: Changes,
    job: RowMapping,
    state: JobState,
    code: Code | None,
    message: str | None,
    detail: Details | None,
    made: str | None,
) -> None:
    """Log the end of a job once it is committed: with counts, snapshot, duration and the tenant's name.

    ``made`` is the snapshot that the job made, if it made one.
    """
    fields: dict[str, Any] = {
        "tenant": rows.tenant()["name"],
        "job": job["job_id"],
        "kind": job["kind"],
        "state": state.value,
        "code": code,
        "snapshot": made or job["snapshot"],
        "seconds": round((rows.now - (job["started_at"] or job["created_at"])).total_seconds(), 1),
        **_counts(rows, job, detail, made),
    }
    template = "%s %s: %s: %s" if code else "%s %s"
    words = (job["kind"], state.value, code, message) if code else (job["kind"], state.value)
    level = logging.ERROR if state is JobState.FAILED else logging.INFO
    rows.after_commit.append(partial(log.log, level, template, *words, extra=fields))


def _counts(rows: Changes, job: RowMapping, detail: Details | None, made: str | None) -> dict[str, int]:
    """Return the objects and links of the job's snapshot, its changed records, and the counts in its details."""
    counts: dict[str, int] = {}
    if made is not None:
        snapshot = rows.one(snapshots, snapshots.c.snapshot_id == made)
        if snapshot is not None:
            counts |= {"objects": snapshot["objects"], "links": snapshot["links"]}
        progress = [each for step in rows.find(steps, steps.c.job_id == job["job_id"]) for each in step["progress"]]
        counts["changed"] = sum(each["changed"] for each in progress)
    return counts | (detail.counts() if detail else {})
