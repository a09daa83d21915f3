"""Pages of snapshots: the timeline with the gaps that failed backups left, and one snapshot with its completeness report."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from console.documents.changes import total_changes
from console.documents.completeness import completeness, family_words, totals
from console.web import commands
from console.web.page import Page
from console.web.timeline import marks
from shared.domain.access import Action
from shared.domain.jobs import GraphVerifyRequest, GraphVerifyResult, Job, JobKind, JobState
from shared.domain.model import Snapshot
from shared.engine.requests.fleet import recent_timeline
from shared.ports.catalog.queries import JobFilter, SnapshotFilter

if TYPE_CHECKING:
    from console.web.page import Ask

_MOST_FAILED = 500
_MOST_VERIFIES = 20


class Gap(NamedTuple):
    """Backups in a row that failed in the same way, so that no snapshot was made."""

    jobs: list[Job]
    """Newest first."""

    @property
    def since(self) -> datetime:
        """Return when the first of them was requested."""
        return self.jobs[-1].created_at

    @property
    def until(self) -> datetime:
        """Return when the last of them was requested."""
        return self.jobs[0].created_at


class Row(NamedTuple):
    """A row of the table: a snapshot or a gap."""

    snapshot: Snapshot | None
    changes: str = ""
    lacking: int = 0
    gap: Gap | None = None


def of_tenant(ask: "Ask") -> Page:
    """Show the snapshots of a tenant, newest first, and what kept others from being made."""
    tenant, limit, after = ask.of_tenant, ask.front.limits.web_rows, ask.query.text("after") or None
    wanted = SnapshotFilter(tenant_id=tenant.tenant_id, after=after, limit=limit + 1)
    listed = ask.catalog.queries().snapshots(wanted)
    shown, more = listed[:limit], len(listed) > limit
    begins = listed[limit].created_at if more else None  # what failed before the next page's first snapshot is its own
    chart_begins = ask.now - timedelta(days=ask.front.limits.rpo_days)
    moments = recent_timeline(ask.catalog, tenant.tenant_id, ask.now).moments if after is None else []
    failed = _failed(
        ask,
        since=begins if after is not None or begins is None else min(begins, chart_begins),
        until=shown[0].created_at if after is not None and shown else None,
    )
    path = f"/t/{tenant.name}/snapshots"
    values = {
        "path": path,
        "rows": _rows(shown, [job for job in failed if begins is None or job.created_at >= begins]),
        "marks": marks(moments, failed, chart_begins, ask.now) if after is None else [],
        "days": ask.front.limits.rpo_days,
        "next": f"{path}?after={shown[-1].snapshot_id}" if more else None,
        "first": path if after else None,
        "may_back_up": ask.visitor.may(Action.BACKUP_ASK, tenant.tenant_id),
        "lines": [commands.snapshots(tenant.name), commands.back_up(tenant.name)],
        "made": sum(moment.created_at >= chart_begins for moment in moments),
        "not_made": sum(job.created_at >= chart_begins for job in failed),
    }
    return Page(template="tenant/snapshots.html", values=values)


def show(ask: "Ask") -> Page:
    """Show a snapshot: what it has of each resource, and what it lacks. Raise Refuse ``NO_SUCH_SNAPSHOT``."""
    tenant = ask.of_tenant
    snapshot = ask.catalog.tenant(tenant.tenant_id).snapshots.get(ask.path["snapshot"])
    documents = completeness(snapshot)
    lacking_only = ask.query.text("only") == "lacking"
    values = {
        "path": f"/t/{tenant.name}/s/{snapshot.snapshot_id}",
        "list_path": f"/t/{tenant.name}/snapshots",
        "snapshot": snapshot,
        "beside": ask.catalog.fleet().neighbours(tenant.tenant_id, snapshot.snapshot_id),
        "changes": total_changes(snapshot),
        "totals": totals(snapshot),
        "lacking": [each for each in documents if each.lacking],
        "families": [
            (family_words(family), list(each))
            for family, each in groupby(
                (each for each in documents if each.lacking or not lacking_only), key=lambda each: each.family
            )
        ],
        "lacking_only": lacking_only,
        "verified": _verified(ask, snapshot),
        "may_check": ask.visitor.may(Action.CONNECTION_CHECK, tenant.tenant_id),
        "may_verify": ask.visitor.may(Action.VERIFY_ASK, tenant.tenant_id),
        "lines": [commands.verify(tenant.name, snapshot.snapshot_id), commands.snapshots(tenant.name)],
    }
    return Page(template="tenant/snapshot.html", values=values)


def _failed(ask: "Ask", since: datetime | None, until: datetime | None) -> list[Job]:
    """Return the backups of that time which made no snapshot, newest first."""
    wanted = JobFilter(
        tenant_id=ask.of_tenant.tenant_id,
        kinds=(JobKind.BACKUP,),
        states=(JobState.FAILED, JobState.CANCELLED),
        since=since,
        until=until,
        limit=_MOST_FAILED,
    )
    return [job for job, _ in ask.catalog.queries().jobs(wanted)]


def _rows(shown: Sequence[Snapshot], failed: Iterable[Job]) -> list[Row]:
    """Return snapshots and gaps, newest first."""
    moments: list[tuple[datetime, Snapshot | Job]] = [
        *((each.created_at, each) for each in shown),
        *((each.created_at, each) for each in failed),
    ]
    moments.sort(key=lambda moment: moment[0], reverse=True)
    rows: list[Row] = []
    for (is_job, *_), group in groupby(moments, key=lambda moment: _alike(moment[1])):
        items = [item for _, item in group]
        if is_job:
            rows.append(Row(None, gap=Gap([item for item in items if isinstance(item, Job)])))
        else:
            rows.extend(_row(item) for item in items if isinstance(item, Snapshot))
    return rows


def _alike(item: Snapshot | Job) -> tuple[bool, str, str]:
    """Return what neighbours in the list have in common if they make one gap."""
    return (True, str(item.state), str(item.code)) if isinstance(item, Job) else (False, item.snapshot_id, "")


def _row(snapshot: Snapshot) -> Row:
    """Return the row of a snapshot."""
    lacking = sum(report.lacking for report in snapshot.resources)
    return Row(snapshot, changes=total_changes(snapshot), lacking=lacking)


def _verified(ask: "Ask", snapshot: Snapshot) -> Job | None:
    """Return the last ended verify of this snapshot, alone or with all others, or None if there is none."""
    wanted = JobFilter(
        tenant_id=ask.of_tenant.tenant_id,
        kinds=(JobKind.VERIFY,),
        states=(JobState.SUCCEEDED, JobState.FAILED),
        since=snapshot.created_at,
        limit=_MOST_VERIFIES,
    )
    jobs = (job for job, _ in ask.catalog.queries().jobs(wanted))
    return next((job for job in jobs if _verifies(job, snapshot)), None)


def _verifies(job: Job, snapshot: Snapshot) -> bool:
    """Return True if a verify has looked at the snapshot's blobs."""
    return job.snapshot in (None, snapshot.snapshot_id) and not isinstance(
        job.detail, GraphVerifyRequest | GraphVerifyResult
    )
