"""The kinds of jobs."""

from enum import StrEnum


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
    SWEEP = "prune"
    """Remove garbage from the bucket (the sweep)."""


_EXCLUSIVE = (
    frozenset({JobKind.BACKUP, JobKind.SWEEP}),  # a prune may take a backup's blobs for garbage
    frozenset({JobKind.KEY_ENABLE, JobKind.KEY_UPDATE}),  # each depends on the tenant's current key
)


def exclusive_kinds(kind: JobKind) -> frozenset[JobKind]:
    """Return the kinds, including ``kind``, of which a tenant may run only one job at a time."""
    return next((kinds for kinds in _EXCLUSIVE if kind in kinds), frozenset())


FOREGROUND = frozenset({JobKind.DOWNLOAD, JobKind.BROWSE, JobKind.COMPARE})
"""Kinds that run in the foreground process of the request: a worker elsewhere cannot deliver plaintext to it."""
