"""The ports to a directory: sign in to it, read it, and write to it."""

from typing import Protocol

from shared.ports.directory.source import Cursor, DirectoryAccess, DirectorySource, Identity, Page
from shared.ports.directory.target import (
    DeletedObject,
    DirectoryTarget,
    Outcome,
    TargetAccess,
    WriteAnswer,
    WriteRequest,
)


class Access(DirectoryAccess, TargetAccess, Protocol):
    """The entry to directories, to read and to write them."""


__all__ = [
    "Access",
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
