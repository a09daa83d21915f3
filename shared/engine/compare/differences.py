"""A difference between two snapshots: a record with its changes, and the ids whose names it needs."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from shared.domain.compare import ChangedRecord, PropertyChange, link_ends
from shared.domain.naming import own_name
from shared.engine.compare.naming import Names
from shared.engine.compare.references import ids_in, reference_at, references

_OVERHEAD = 500
"""Bytes counted for each difference beside its values: CPython's own overhead."""


class Change(StrEnum):
    """The kind of change of a record between two snapshots."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A record that differs between two snapshots."""

    resource: str
    key: str
    change: Change
    name: str | None
    """The object's name, or the names of the objects that a link, an assignment or a consent connects."""
    properties: list[PropertyChange]
    """The changes of a changed record, at least one."""
    connects: list[str]
    """The ids of the objects that a record without a name connects."""

    @property
    def size(self) -> int:
        """Return about how many bytes of memory the difference takes."""
        return _OVERHEAD + sum(_OVERHEAD + len(each.before or b"") + len(each.after or b"") for each in self.properties)

    def named(self, names: Names) -> "Difference":
        """Return the difference with the names of the objects that it connects."""
        if self.name is not None or not self.connects:
            return self
        return msgspec.structs.replace(self, name=" → ".join(names.find(each) or each for each in self.connects))


def difference_of(resource: str, record: ChangedRecord, changes: list[PropertyChange], *, link: bool) -> Difference:
    """Return the difference that a changed record of a resource makes. ``link``: the resource's records are links."""
    key = record.key.decode()
    value = record.after if record.after is not None else record.before or b""
    if record.before is None:
        change = Change.ADDED
    else:
        change = Change.REMOVED if record.after is None else Change.CHANGED
    name = None
    if link:
        connects = list(link_ends(key))
    else:
        name, connects = own_name(value), [each for _, each in references(resource, value)]
    return Difference(
        resource=resource,
        key=key,
        change=change,
        name=name,
        properties=changes,
        connects=connects if name is None else [],
    )


def needed_names(differences: Iterable[Difference]) -> tuple[set[str], set[str]]:
    """Return the ids whose names the differences need, and the ids of applications (``appId``) among them."""
    ids, app_ids = set[str](), set[str]()
    for each in differences:
        ids.update(each.connects)
        for change in each.properties:
            reference = reference_at(each.resource, change.path)
            if reference is not None:
                (app_ids if reference.by_app_id else ids).update(ids_in(change.before), ids_in(change.after))
    return ids, app_ids
