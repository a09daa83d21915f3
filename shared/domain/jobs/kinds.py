"""The kinds of jobs: one table with a row for each kind.

A new kind is one row here, and one step function in the table of ``engine/jobs/registry.py``.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain.audit import Action
from shared.domain.jobs.details import (
    Details,
    GraphVerifyRequest,
    GraphVerifyResult,
    KeyAnswer,
    KeyChangeProgress,
    KeyChecks,
    PlanProgress,
    RecordsShown,
    RestoreProgress,
    SweepResult,
    TenantChecks,
    VerifyRequest,
    VerifyResult,
    read_details,
)
from shared.domain.resources import STREAMS, Reading


class JobKind(StrEnum):
    """The kind of a job."""

    BACKUP = "backup"
    """Read the directory and make a snapshot."""
    DOWNLOAD = "download"
    """Stream a snapshot's records to a file."""
    BROWSE = "browse"
    """Show records of a snapshot."""
    COMPARE = "compare"
    """Show what differs between two snapshots."""
    VERIFY = "verify"
    """Compare the blobs in the store with what the catalog and the manifests say."""
    KEY_CHECK = "key-check"
    """Check that the tenant's KMS key, or a new one, may be used."""
    KEY_ENABLE = "key-enable"
    """Change the tenant from the provider key to a customer key."""
    KEY_UPDATE = "key-update"
    """Change the tenant's customer key to another one."""
    SWEEP = "sweep"
    """Remove garbage from the bucket."""
    PLAN = "plan"
    """Plan a restore, without writing to the directory."""
    RESTORE = "restore"
    """Carry out a plan: write to the directory, and verify the result."""
    TENANT_CHECK = "tenant-check"
    """Check what Graph lets the tenant's applications read and write."""


class QueueName(StrEnum):
    """The queue of a message."""

    MANUAL = "manual"
    """Steps of jobs that a person requested."""
    BACKUP = "backup"
    """Steps of scheduled backups."""
    UPKEEP = "upkeep"
    """Steps of all other scheduled jobs."""


class Phase:
    """The phases of a backup. A phase opens when the last step of the previous one has ended."""

    READ = 1
    """Read each stream from Graph."""
    SECOND_ROUND = 2
    """Read what changed in delta streams during the first phase."""
    COMPACT = 3
    """Merge adjacent runs of a stream."""
    COMMIT = 4
    """Store the manifest and commit the snapshot."""


class RestorePhase:
    """The phases of a restore."""

    CHECK = 1
    """Back up the directory, then make the plan, or check that the plan still fits."""
    WRITE = 2
    """Carry out the plan's operations."""
    PROVE = 3
    """Back up the directory again, and compare it with the snapshot."""


class PhaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of a kind of job."""

    task: str
    """The task name of its messages, which Flower shows."""
    steps: tuple[str, ...]
    """The names of its steps."""
    by_stream: bool = False
    """True if each step reads the stream of its name. Such a step does not depend on the job's other steps."""
    may_fail: bool = False
    """True if lasting trouble with Graph ends a step without data instead of failing the job."""


class KindRow(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of a kind of job."""

    kind: JobKind
    stored: str
    """The text for the kind in SQL. Also the name of the step, if the kind has only one."""
    read: tuple[str, ...] = ()
    """Other texts for the kind that SQL may contain."""
    details: tuple[type[Details], ...] = ()
    """The types of its details. The first one that fits what SQL stores is theirs."""
    phases: Mapping[int, PhaseRow] = {}
    """The phases by number; empty for foreground jobs, which workers do not run."""
    queue: QueueName = QueueName.UPKEEP
    """The queue of scheduled jobs. Jobs requested by hand have a queue of their own."""
    exclusive_with: frozenset[JobKind] = frozenset()
    """Kinds, including this one, of which a tenant may run only one job at a time."""
    may_be_full: bool = False
    """True if a person may request that the job reads everything again."""
    one_at_a_time: bool = False
    """True if a request returns the tenant's unfinished job of this kind instead of a new one."""
    builds_on_newest: bool = False
    """True if the newest snapshot becomes the job's parent when its steps are planned."""
    foreground: bool = False
    """True if the requesting process runs the job: a worker elsewhere cannot deliver plaintext to it."""
    needs_key: bool = True
    """True if the job uses data keys, so that a refusal of the KMS key ends it."""
    needs_store: bool = True
    """True if the blob store is checked before a step runs."""
    moves_keys: bool = False
    """True if the job moves the tenant's data keys to another KMS key."""
    person_waits: bool = False
    """True if a person waits for the result, so that a step retries only shortly while KMS is in trouble."""
    may_retry: bool = False
    """True if a person may retry an ended job of this kind."""
    command: str | None = None
    """The command that requests such a job; None if only the scheduler does."""
    requested: Action | None = None
    """The audit event of a request by hand."""
    begin_event: Action | None = None
    """The audit event of a foreground job's begin."""
    ended: Action | None = None
    """The audit event of the job's end."""
    removed: Action | None = None
    """The audit event of the end of a job that removed something."""


def _one_step(name: str, task: str) -> Mapping[int, PhaseRow]:
    """Return the phases of a kind that has one step."""
    return {1: PhaseRow(task=task, steps=(name,))}


def backup_phases() -> Mapping[int, PhaseRow]:
    """Return the phases of a backup of today's streams."""
    return {
        Phase.READ: PhaseRow(task="backup.read", steps=tuple(STREAMS), by_stream=True, may_fail=True),
        Phase.SECOND_ROUND: PhaseRow(
            task="backup.second_round",
            steps=tuple(name for name, stream in STREAMS.items() if stream.reading is Reading.DELTA),
            by_stream=True,
        ),
        Phase.COMPACT: PhaseRow(task="backup.compact", steps=("compact",)),
        Phase.COMMIT: PhaseRow(task="backup.commit", steps=("commit",)),
    }


_BACKUP_OR_SWEEP = frozenset({JobKind.BACKUP, JobKind.SWEEP})
"""A sweep could take the blobs of a running backup for garbage."""
_KEY_CHANGES = frozenset({JobKind.KEY_ENABLE, JobKind.KEY_UPDATE})
"""Each depends on the tenant's current key."""

_ROWS = (
    KindRow(
        kind=JobKind.BACKUP,
        stored="backup",
        phases=backup_phases(),
        queue=QueueName.BACKUP,
        exclusive_with=_BACKUP_OR_SWEEP,
        may_be_full=True,
        one_at_a_time=True,
        builds_on_newest=True,
        may_retry=True,
        command="entrakeep backup",
        requested=Action.BACKUP_ASKED,
    ),
    KindRow(
        kind=JobKind.DOWNLOAD,
        stored="download",
        details=(RecordsShown,),
        foreground=True,
        command="entrakeep download",
        begin_event=Action.DOWNLOAD_BEGUN,
        ended=Action.DOWNLOAD_ENDED,
    ),
    KindRow(
        kind=JobKind.BROWSE,
        stored="browse",
        details=(RecordsShown,),
        foreground=True,
        command="entrakeep browse",
        begin_event=Action.BROWSE_BEGUN,
        ended=Action.BROWSE_ENDED,
    ),
    KindRow(
        kind=JobKind.COMPARE,
        stored="compare",
        details=(RecordsShown,),
        foreground=True,
        command="entrakeep compare",
        begin_event=Action.COMPARE_BEGUN,
        ended=Action.COMPARE_ENDED,
    ),
    KindRow(
        kind=JobKind.VERIFY,
        stored="verify",
        details=(VerifyResult, GraphVerifyResult, GraphVerifyRequest, VerifyRequest),
        phases=_one_step("verify", "verify"),
        command="entrakeep verify",
        requested=Action.VERIFY_ASKED,
        ended=Action.VERIFY_ENDED,
    ),
    KindRow(
        kind=JobKind.KEY_CHECK,
        stored="key-check",
        details=(KeyChecks, KeyAnswer),
        phases=_one_step("key-check", "key.check"),
        needs_store=False,
        person_waits=True,
        command="entrakeep key check",
    ),
    KindRow(
        kind=JobKind.KEY_ENABLE,
        stored="key-enable",
        details=(KeyChangeProgress,),
        phases=_one_step("key-enable", "key.enable"),
        exclusive_with=_KEY_CHANGES,
        moves_keys=True,
        may_retry=True,
        command="entrakeep key enable",
        requested=Action.KEY_ENABLE_ASKED,
        ended=Action.KEY_ENABLE_ENDED,
    ),
    KindRow(
        kind=JobKind.KEY_UPDATE,
        stored="key-update",
        details=(KeyChangeProgress,),
        phases=_one_step("key-update", "key.update"),
        exclusive_with=_KEY_CHANGES,
        moves_keys=True,
        may_retry=True,
        command="entrakeep key update",
        requested=Action.KEY_UPDATE_ASKED,
        ended=Action.KEY_UPDATE_ENDED,
    ),
    KindRow(
        kind=JobKind.SWEEP,
        stored="prune",  # the only text that workers of the previous version read, in SQL and in messages
        read=("sweep",),
        details=(SweepResult,),
        phases=_one_step("prune", "prune"),
        exclusive_with=_BACKUP_OR_SWEEP,
        needs_key=False,
        removed=Action.SWEEP_REMOVED,
    ),
    KindRow(
        kind=JobKind.PLAN,
        stored="plan",
        details=(PlanProgress,),
        phases=_one_step("plan", "plan.make"),
        may_retry=True,
        command="entrakeep plan make",
        requested=Action.PLAN_ASKED,
        ended=Action.PLAN_ENDED,
    ),
    KindRow(
        kind=JobKind.RESTORE,
        stored="restore",
        details=(RestoreProgress,),
        phases={
            RestorePhase.CHECK: PhaseRow(task="restore.check", steps=("check",)),
            RestorePhase.WRITE: PhaseRow(task="restore.write", steps=("write",)),
            RestorePhase.PROVE: PhaseRow(task="restore.prove", steps=("prove",)),
        },
        exclusive_with=frozenset({JobKind.RESTORE}),
        may_retry=True,
        command="entrakeep restore",
        requested=Action.RESTORE_ASKED,
        ended=Action.RESTORE_ENDED,
    ),
    KindRow(
        kind=JobKind.TENANT_CHECK,
        stored="tenant-check",
        details=(TenantChecks,),
        phases=_one_step("tenant-check", "tenant.check"),
        one_at_a_time=True,
        needs_store=False,
        person_waits=True,
        command="entrakeep tenant check",
    ),
)
KINDS: dict[JobKind, KindRow] = {row.kind: row for row in _ROWS}
"""The row of each kind."""
FOREGROUND = frozenset(row.kind for row in _ROWS if row.foreground)
"""Kinds that run in the foreground process of the request."""
KEY_CHANGES = frozenset(row.kind for row in _ROWS if row.moves_keys)
"""Kinds that move the tenant's data keys to another KMS key."""
_OF_TEXT: dict[str, JobKind] = {text: row.kind for row in _ROWS for text in (row.stored, *row.read)}


def kind_of(text: str) -> JobKind | str:
    """Return the kind that SQL stores as ``text``, or the text itself if only a newer version knows the kind."""
    return _OF_TEXT.get(text, text)


def row_of(kind: JobKind | str) -> KindRow | None:
    """Return the row of a kind, or None if only a newer version knows the kind."""
    return KINDS.get(kind) if isinstance(kind, JobKind) else None


def texts_of(kinds: Iterable[JobKind]) -> list[str]:
    """Return every text that SQL may contain for these kinds."""
    return [text for kind in kinds for text in (KINDS[kind].stored, *KINDS[kind].read)]


def details_of(kind: JobKind | str, stored: Any) -> Details | None:
    """Return the details that SQL stores for a job, or None if there are none or only a newer version reads them."""
    row = row_of(kind)
    return None if row is None else read_details(row.details, stored)


def needs_key(kind: JobKind | str, details: Details | None) -> bool:
    """Return True if a refusal of the KMS key ends the job. A kind that only a newer version knows needs the key."""
    row = row_of(kind)
    return row is None or (row.needs_key and (details is None or details.uses_key()))
