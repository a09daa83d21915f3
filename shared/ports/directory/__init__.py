"""The ports to a directory: sign in to it, read it, and write to it."""

from shared.ports.directory.source import Cursor, DirectoryAccess, DirectorySource, Identity, Page
from shared.ports.directory.target import (
    DeletedObject,
    DirectoryTarget,
    Outcome,
    TargetAccess,
    WriteAnswer,
    WriteRequest,
)

__all__ = [
    "Cursor",
    "DeletedObject",
    "DirectoryAccess",
    "DirectorySource",
    "DirectoryTarget",
    "Identity",
    "Outcome",
    "Page",
    "TargetAccess",
    "WriteAnswer",
    "WriteRequest",
]
