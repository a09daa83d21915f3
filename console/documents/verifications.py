"""Documents of verified blobs."""

import msgspec

from shared.domain.jobs import Job


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
    if not (isinstance(job.detail, dict) and "blobs" in job.detail):
        return None
    return msgspec.convert({**job.detail, "shallow": shallow}, Verification)


def damaged_of(job: Job) -> list[DamagedBlob] | None:
    """Return the damaged blobs that a verify found; None for other jobs, and for jobs that have not ended."""
    damaged = job.detail.get("damaged") if isinstance(job.detail, dict) else None
    return msgspec.convert(damaged, list[DamagedBlob]) if isinstance(damaged, list) else None


def strays_of(job: Job) -> list[str]:
    """Return the names in the store that a sweep or verify skipped, because they are not Entrakeep's."""
    return list(job.detail.get("strays", [])) if isinstance(job.detail, dict) else []
