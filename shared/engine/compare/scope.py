"""The part of two snapshots that a comparison shows."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass

from shared.domain.compare import ChangedRecord, PropertyChange, property_changes, within
from shared.domain.errors import Code, Refuse
from shared.domain.model import Snapshot
from shared.domain.records import encode_id
from shared.domain.resources import RESOURCES, properties_of, volatile_of
from shared.domain.text_search import TextSearch


@dataclass(frozen=True)
class Scope:
    """The choices of a comparison. Empty ones choose everything."""

    resources: Collection[str] = ()
    ids: Sequence[str] = ()
    """Ids of objects: only their records and the links from and to them."""
    properties: Collection[str] = ()
    """Paths of properties: only changes in them, so no added and no removed records."""
    search: str | None = None
    """Text in the key or in one of the values, regardless of case and of JSON escapes."""
    ignored: Collection[str] = ()
    """Paths of properties to ignore, beside the volatile ones."""

    def check(self, snapshots: Sequence[Snapshot]) -> None:
        """Raise Refuse ``WRONG_USE`` if there is no such resource, or no chosen resource has one of the properties."""
        reported = {report.resource for snapshot in snapshots for report in snapshot.resources}
        for name in self.resources:
            if name not in reported and name not in RESOURCES:
                sentence = f"There is no resource '{name}'. Give one of {', '.join(sorted({*reported, *RESOURCES}))}."
                raise Refuse(Code.WRONG_USE, sentence)
        names = self.resources or reported | RESOURCES.keys()
        if not RESOURCES.keys() >= set(names):
            return  # the properties of a resource that only another version knows are not known
        known = {each for name in names for each in (*properties_of(name), *RESOURCES[name].volatile)}
        for path in (*self.properties, *self.ignored):
            if path.partition(".")[0] not in known:
                owner = f"of {', '.join(self.resources)}" if self.resources else "of any resource"
                raise Refuse(
                    Code.WRONG_USE, f"'{path}' is not a property {owner}; 'entrakeep resources --json' lists them."
                )


class Chooser:
    """Decides which records, and which of their properties, belong to a scope."""

    def __init__(self, scope: Scope) -> None:
        self._ids = {encode_id(each) for each in scope.ids}
        self._properties = frozenset(scope.properties)
        self._ignored = frozenset(scope.ignored)
        self._text = None if scope.search is None else TextSearch(scope.search)
        self._by_resource: dict[str, Set[str]] = {}

    def chosen(self, resource: str, record: ChangedRecord) -> list[PropertyChange] | None:
        """Return the record's changes in properties, empty if it was added or removed, or None if it is not chosen."""
        if not self._chosen_record(record):
            return None
        if record.before is None or record.after is None:
            return None if self._properties else []
        changes = property_changes(record.before, record.after, self._ignored_of(resource))
        if self._properties:
            changes = [change for change in changes if within(change.path, self._properties)]
        return changes or None

    def _chosen_record(self, record: ChangedRecord) -> bool:
        """Return True if the ids and the text choose the record."""
        if self._ids and self._ids.isdisjoint(record.key.split(b"/")[1::2]):
            return False
        values = (value for value in (record.before, record.after) if value is not None)
        return self._text is None or any(self._text.matches(record.key, value) for value in values)

    def _ignored_of(self, resource: str) -> Set[str]:
        """Return the ignored properties of a resource. Volatile ones count if they are asked for by name."""
        if resource not in self._by_resource:
            requested = {path.partition(".")[0] for path in self._properties}
            self._by_resource[resource] = self._ignored | (volatile_of(resource) - requested)
        return self._by_resource[resource]
