"""Documents of verified blobs."""

import msgspec

from shared.domain.jobs import GraphVerifyResult, Job, SweepResult, VerifyResult


class DamagedBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A blob that is missing, damaged or unknown."""

    blob: str
    """The blob's name in the store."""
    resource: str | None
    """The resource whose records it holds, if known."""
    reason: str
    """The code of what is wrong with it."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of verifying stored blobs."""

    snapshots: int
    """Number of snapshots that were verified."""
    blobs: int
    """Number of blobs that were verified."""
    damaged: list[DamagedBlob]
    """Blobs that are damaged, missing or unknown."""
    strays: list[str]
    """Names in the store that are not Entrakeep's and were skipped."""
    shallow: bool
    """Whether only hashes were checked."""


def verification(job: Job, *, shallow: bool) -> Verification | None:
    """Return the result of a verify; None if it has none, because it ended too early."""
    result = job.detail
    if not isinstance(result, VerifyResult):
        return None
    damaged, strays = damaged_of(job) or [], strays_of(job)
    return Verification(snapshots=result.snapshots, blobs=result.blobs, damaged=damaged, strays=strays, shallow=shallow)


class ComparedResource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource of the newest snapshot, compared with Graph."""

    resource: str
    """The resource's name."""
    records: int
    """Number of records that Graph shows."""
    missing: int
    """Records that Graph shows and the snapshot lacks, although delta named no change of their objects."""
    extra: int
    """Records that the snapshot has and Graph does not show, likewise."""
    changed: int
    """Records with other values, likewise."""


class GraphVerification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of comparing the newest snapshot with a full reading of Graph."""

    resources: list[ComparedResource]
    """The compared resources."""
    not_compared: dict[str, str]
    """Why a stream was not compared, by stream."""


def graph_verification(job: Job) -> GraphVerification | None:
    """Return the result of a verify against Graph; None if it has none, because it ended too early."""
    result = job.detail
    if not isinstance(result, GraphVerifyResult):
        return None
    compared = [
        ComparedResource(
            resource=each.resource,
            records=each.records,
            missing=each.missing,
            extra=each.extra,
            changed=each.changed,
        )
        for each in result.untold
    ]
    return GraphVerification(resources=compared, not_compared=result.not_compared)


def damaged_of(job: Job) -> list[DamagedBlob] | None:
    """Return the damaged blobs that a verify found; None for other jobs, and for jobs that have not ended."""
    if not isinstance(job.detail, VerifyResult):
        return None
    return [DamagedBlob(blob=each.blob, resource=each.resource, reason=each.reason) for each in job.detail.damaged]


def strays_of(job: Job) -> list[str]:
    """Return the names in the store that a sweep or verify skipped, because they are not Entrakeep's."""
    return list(job.detail.strays) if isinstance(job.detail, VerifyResult | SweepResult) else []
