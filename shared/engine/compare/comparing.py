"""Compare two snapshots in the calling process, as a foreground job with its own claim and key lease."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind
from shared.domain.model import Snapshot, Tenant
from shared.domain.records import encode_id, object_order
from shared.engine.compare.differences import Change, Difference, difference_of, needed_names
from shared.engine.compare.naming import Names, read_names
from shared.engine.compare.recreated import joined, map_in
from shared.engine.compare.scope import Chooser, Scope
from shared.engine.compare.unknowns import Unknown, refused_owners, unknowns
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground_over
from shared.engine.steps.work import Work
from shared.vault.differing import differing
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Touched


@contextmanager
def compared(context: Context, tenant: Tenant, before: str, after: str, scope: Scope) -> Iterator["Comparison"]:
    """Open two snapshots (ids or ``latest``) in a job of this process, which ends with the block. Yield the comparison.

    Raise Refuse ``WRONG_USE`` for a property that no resource has, or a resource that no snapshot has. Raise Refuse
    ``NO_SUCH_OBJECT`` for an id that is in neither snapshot, ``NO_SUCH_SNAPSHOT``, and what reading raises. If the
    block raises, the caller must discard its output: the key may have been revoked half-way.
    """
    snapshots = context.catalog.tenant(tenant.tenant_id).snapshots
    rows = snapshots.get(before), snapshots.get(after)
    scope.check(rows)
    shown = Shown()
    with run_foreground_over(context, tenant, JobKind.COMPARE, rows, shown, scope.resources) as (work, readers):
        _check_ids(scope.ids, readers)
        yield Comparison(work, rows, readers, scope, shown)


class Comparison:
    """Two opened snapshots. Their differences are read once, while the job of the calling process runs."""

    def __init__(
        self,
        work: Work,
        snapshots: tuple[Snapshot, Snapshot],
        readers: Sequence[SnapshotReader],
        scope: Scope,
        shown: Shown,
    ) -> None:
        self.snapshots = snapshots
        self._work = work
        self._before, self._after = readers
        self._maps = [map_in(reader) for reader in readers]
        chosen = [now for each in scope.ids for ids in self._maps if (now := ids.current(each)) != each]
        self._scope = replace(scope, ids=(*scope.ids, *chosen))
        self._shown = shown
        self.names = Names()
        """The names that the differences need. They are complete before the first difference comes."""
        self.unknown: list[Unknown] = unknowns(self._before, self._after, scope.resources)
        self.counts: dict[str, Counter[Change]] = {}
        """The number of differences so far, by resource."""

    @property
    def equal(self) -> bool:
        """Return True if no difference was read, and nothing that a snapshot may have is unknown."""
        return not self.counts and all(unknown.absent for unknown in self.unknown)

    def check(self) -> None:
        """Raise if the claim or a lease has ended, or the job was cancelled. Called before each output."""
        self._work.check()

    def differences(self) -> Iterator[Difference]:
        """Yield the differences with names, sorted by resource and key. Raise what reading raises."""
        differences = self.unnamed()
        waiting: list[Difference] = []
        size, limits = 0, self._work.context.limits
        for each in differences:
            waiting.append(each)
            size += each.size
            if len(waiting) >= limits.differences_waiting or size >= limits.differences_waiting_bytes:
                self.names = read_names((self._after, self._before), None)
                break
        else:
            self.names = read_names((self._after, self._before), *needed_names(waiting))
        for each in chain(waiting, differences):
            yield each.named(self.names)

    def unnamed(self) -> Iterator[Difference]:
        """Yield the differences as ``differences`` does, without the names of other objects."""
        chooser = Chooser(self._scope)
        unread = {unknown.resource for unknown in self.unknown if not unknown.objects}
        for resource in sorted({*self._before.resources, *self._after.resources} - unread):
            if not self._scope.resources or resource in self._scope.resources:
                yield from self._of_resource(resource, chooser)

    def count_all(self) -> None:
        """Read all differences for their counts alone. Raise what reading raises."""
        for _ in self.unnamed():
            pass

    def _of_resource(self, resource: str, chooser: Chooser) -> Iterator[Difference]:
        """Yield the differences of one resource."""
        refused = refused_owners(self._before, self._after, resource)
        most = self._work.context.limits.compared_lines
        links = any(side.holds_links(resource) for side in (self._before, self._after))
        changed = differing(self._before, self._after, resource, self._work.blobs.lists, most)
        for record in joined(resource, changed, *self._maps):
            if refused and record.key.split(b"/")[1] in refused:
                continue
            changes = chooser.chosen(resource, record)
            if changes is not None:
                difference = difference_of(resource, record, changes, link=links)
                self.counts.setdefault(resource, Counter())[difference.change] += 1
                self._shown.records += 1
                yield difference


def _check_ids(ids: Sequence[str], readers: Sequence[SnapshotReader]) -> None:
    """Raise Refuse ``NO_SUCH_OBJECT`` if no snapshot has a record with one of these ids in its key."""
    for each in ids:
        # Ids of links and of objects that belong to others do not say where their records are, so these are looked for last.
        matches = (look(reader, each) for look in (_is_object, _is_named) for reader in readers)
        if not any(matches):
            raise Refuse(Code.NO_SUCH_OBJECT, f"Neither snapshot has an object with the id {each}.")


def _is_object(reader: SnapshotReader, object_id: str) -> bool:
    """Return True if the snapshot has an object with this id that belongs to no other object."""
    for resource in reader.resources:
        touched = Touched([object_order(resource, object_id)])
        if reader.owner_of(resource) is None and any(reader.stored_records(resource, touched)):
            return True
    return False


def _is_named(reader: SnapshotReader, object_id: str) -> bool:
    """Return True if the key of a link, or of an object that belongs to another one, contains this id."""
    belonging, encoded = [name for name in reader.resources if reader.owner_of(name) is not None], encode_id(object_id)
    return bool(belonging) and any(encoded in key.split(b"/")[1::2] for key, _ in reader.records(belonging))
