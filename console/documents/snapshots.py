"""Documents of snapshots, and of the records in them."""

import msgspec

from console.documents.times import Moment, moment
from shared.domain.errors import Answer
from shared.domain.model import RefusedObject, ResourceReport, Snapshot


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot has of one resource."""

    resource: str
    """The resource's name."""
    answer: Answer
    """Graph's answer."""
    records: int | None
    """Number of records, null if nothing was ever read."""
    stale: bool
    """Whether the records are those of the parent snapshot."""
    refused: int
    """Number of objects that Graph refused, of a ``partial`` resource."""
    request_id: str | None
    """Graph's request id of an answer that was not ``whole``."""
    unknown: bool
    """Whether the version that made the snapshot does not know the resource, and kept the parent's records."""
    added: int | None
    """Number of records that the parent does not have; null if it is not known, as in a first snapshot."""
    removed: int | None
    """Number of records that only the parent has; null if it is not known."""
    changed: int | None
    """Number of records whose properties differ from the parent's, volatile ones aside; null if it is not known."""


class SnapshotDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot: the state of a directory at one time."""

    id: str
    """The snapshot's id."""
    tenant: str
    """The tenant's name."""
    created_at: Moment
    """When the snapshot was taken."""
    job: str
    """The id of the backup that made it."""
    parent: str | None
    """The id of the snapshot that the backup built on."""
    resources: list[ReportDocument]
    """What the snapshot has of each resource."""
    objects: int
    """Number of objects."""
    links: int
    """Number of links between objects."""
    complete: bool
    """Whether no resource is missing or incomplete."""


class RecordDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a snapshot."""

    key: str
    """The record's key, such as ``users/<id>`` or ``groups/<id>/members/<id>``."""
    value: msgspec.Raw
    """What Graph returned, byte for byte."""


class ChangedRecordDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A record that differs between two snapshots."""

    key: str
    """The record's key, such as ``users/<id>`` or ``groups/<id>/members/<id>``."""
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """What Graph returned, byte for byte, of a record that was added or changed. Absent of a removed one."""
    removed: bool = False
    """True if only the earlier snapshot has the record; absent otherwise."""


class RefusedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An object that Graph refused, of a ``partial`` resource."""

    resource: str
    """The resource's name."""
    id: str
    """The object's id."""
    request_id: str | None
    """Graph's request id, if there is one."""


class DanglingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A property that names an object which does not exist in the snapshot."""

    key: str
    """The key of the record with the property."""
    name: str | None
    """The name of the object with the property, if it has one."""
    property: str
    """The property's path, such as ``conditions.users.includeGroups``."""
    id: str
    """The id of the object that does not exist."""
    unread: list[str]
    """Resources that may have the object and were not read. If there are any, the object may exist."""


def snapshot_document(snapshot: Snapshot, tenant: str) -> SnapshotDocument:
    """Return the document of a snapshot."""
    return SnapshotDocument(
        id=snapshot.snapshot_id,
        tenant=tenant,
        created_at=moment(snapshot.created_at),
        job=snapshot.job_id,
        parent=snapshot.parent,
        resources=[_report(each) for each in snapshot.resources],
        objects=snapshot.objects,
        links=snapshot.links,
        complete=snapshot.complete,
    )


def record_line(key: str, value: bytes) -> bytes:
    """Return the line of a ``RecordDocument``. The value stays as it is, even if it is not valid UTF-8."""
    return b'{"key": "%b", "value": %b}\n' % (key.encode(), value)


def refused_document(resource: str, refused: RefusedObject) -> RefusedDocument:
    """Return the document of an object that Graph refused."""
    return RefusedDocument(resource=resource, id=refused.id, request_id=refused.request_id)


def _report(report: ResourceReport) -> ReportDocument:
    """Return the document of a resource's line in the completeness report."""
    return ReportDocument(
        resource=report.resource,
        answer=report.answer,
        records=report.records,
        stale=report.stale,
        refused=report.refused,
        request_id=report.request_id,
        unknown=report.unknown,
        added=report.added,
        removed=report.removed,
        changed=report.changed,
    )
