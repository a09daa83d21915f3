"""Log the end of a job when its transaction commits, in whichever process that is."""

import logging
from functools import partial
from typing import Any

from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import snapshots, steps
from shared.adapters.catalog.tenancy import Changes
from shared.domain.errors import Code
from shared.domain.jobs import JobState

log = logging.getLogger(__name__)


def log_end(
    rows: Changes, job: RowMapping, state: JobState, code: Code | None, message: str | None, values: dict[str, Any]
) -> None:
    """Log the end of a job once it is committed: with counts, snapshot, duration and the tenant's name."""
    fields: dict[str, Any] = {
        "tenant": rows.tenant()["name"],
        "job": job["job_id"],
        "kind": job["kind"],
        "state": state.value,
        "code": code,
        "snapshot": values.get("snapshot") or job["snapshot"],
        "seconds": round((rows.now - (job["started_at"] or job["created_at"])).total_seconds(), 1),
        **_counts(rows, job, values),
    }
    template = "%s %s: %s: %s" if code else "%s %s"
    words = (job["kind"], state.value, code, message) if code else (job["kind"], state.value)
    level = logging.ERROR if state is JobState.FAILED else logging.INFO
    rows.after_commit.append(partial(log.log, level, template, *words, extra=fields))


def _counts(rows: Changes, job: RowMapping, values: dict[str, Any]) -> dict[str, int]:
    """Return the objects and links of the job's snapshot, its changed records, and the counts in its detail."""
    counts: dict[str, int] = {}
    if "snapshot" in values:
        snapshot = rows.one(snapshots, snapshots.c.snapshot_id == values["snapshot"])
        if snapshot is not None:
            counts |= {"objects": snapshot["objects"], "links": snapshot["links"]}
        progress = [each for step in rows.find(steps, steps.c.job_id == job["job_id"]) for each in step["progress"]]
        counts["changed"] = sum(each["changed"] for each in progress)
    detail = values.get("detail")
    for name in ("records", "snapshots", "blobs", "damaged", "removed", "moved"):
        value = detail.get(name) if isinstance(detail, dict) else None
        if isinstance(value, int | list):
            counts[name] = len(value) if isinstance(value, list) else value
    return counts
