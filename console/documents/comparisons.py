"""Documents of comparisons of two snapshots."""

from typing import Any

import msgspec

from console.documents.times import Moment
from shared.engine.compare.timeline import Happened


class ListChange(msgspec.Struct, frozen=True, kw_only=True):
    """How a list changed. Lists are compared as sets."""

    added: list[Any]
    """Elements of the second snapshot's list alone, byte for byte."""
    removed: list[Any]
    """Elements of the first snapshot's list alone, byte for byte."""


class HistoryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot shows of an object in comparison with an earlier one."""

    at: Moment
    """When the snapshot was taken. The change was made before, and after ``previous``."""
    snapshot: str
    """The id of the first snapshot that shows it."""
    previous: str | None
    """The id of the last earlier snapshot in which the resource's records are known, null if there is none."""
    resource: str
    """The resource's name."""
    change: Happened
    """``created``, ``deleted``, ``restored`` (exists again), ``changed``, or ``existing`` (in the first snapshot already) for
    the object; ``added``, ``removed`` or ``changed`` for its links; ``unknown`` if the snapshot did not read the resource."""
    key: str | None
    """The record's key, such as ``users/<id>``; null for ``unknown``."""
    name: str | None
    """The object's name, or the names of the objects that a link connects."""
    reason: str | None
    """Why it is ``unknown``."""
    properties: dict[str, tuple[Any, Any]]
    """The properties that changed, by path: the value before and after, byte for byte. A property that is absent is null."""
    lists: dict[str, ListChange]
    """Of these properties those that are lists, by path."""


class ChangedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A record that both snapshots have, with different values."""

    key: str
    """The record's key, such as ``users/<id>``."""
    properties: dict[str, tuple[Any, Any]]
    """The properties that differ, by path such as ``conditions.users.includeGroups``: the value in each of the two
    snapshots, byte for byte. A property that is absent is null."""
    lists: dict[str, ListChange]
    """Of these properties those that are lists, by path."""


class UnknownDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, or some objects of one, that could not be compared."""

    resource: str
    """The resource's name."""
    reason: str
    """Why it could not be compared."""
    objects: list[str]
    """Ids of the objects that were not compared; empty if nothing of the resource was."""


class CountDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The number of differences in a resource."""

    resource: str
    """The resource's name."""
    added: int
    """Number of records that only the second snapshot has."""
    removed: int
    """Number of records that only the first snapshot has."""
    changed: int
    """Number of records whose properties differ."""


class ComparisonSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of differences between two snapshots."""

    a: str
    """The id of the first snapshot."""
    b: str
    """The id of the second snapshot."""
    a_created_at: Moment
    """When the first snapshot was taken."""
    b_created_at: Moment
    """When the second snapshot was taken."""
    summary: list[CountDocument]
    """The resources that differ, with the number of differences."""
    unknown: list[UnknownDocument]
    """The resources, or objects of them, that could not be compared."""


class ComparisonDocument(ComparisonSummary, frozen=True, kw_only=True):
    """The differences between two snapshots."""

    added: list[str]
    """Keys of records that only the second snapshot has."""
    removed: list[str]
    """Keys of records that only the first snapshot has."""
    changed: list[ChangedDocument]
    """Records that both snapshots have, with different values."""
    names: dict[str, str]
    """Names of these records by key, where they have one, and of objects that properties name, by id. Long ones are cut."""
