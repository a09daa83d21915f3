"""A snapshot is read by what its manifest lists: by resource, by object, and by touched keys, with few chunks opened."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.compare import Record
from shared.domain.errors import Answer, KeyRefused
from shared.domain.records import Line, encode_id, prefix_tombstone, put, resource_of, tombstone
from shared.domain.secret import Secret
from shared.vault.format import Holds, Run, StoredResource, StreamState
from shared.vault.keyring import DataKey
from shared.vault.object_reader import ObjectReader
from shared.vault.reader import BlobReader
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Touched
from shared.vault.writer import RunWriter
from tests.unit.vault.parts import ARN, JOB, TENANT, MemoryStore

KEY = DataKey(Secret(b"k" * 32))
IDS = st.text("aZ-.~%/0é", min_size=1, max_size=4)


class Stored:
    """Streams in a store in memory, with a chunk for each line."""

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self.store = MemoryStore()
        self.blobs = BlobReader(self.store, lambda _: KEY, TENANT, check)
        self.streams: list[StreamState] = []

    def add(
        self, stream: str, lines: list[Line], resources: list[StoredResource], answer: Answer = Answer.WHOLE
    ) -> None:
        """Add a stream with one run of these lines."""
        run = RunWriter(self.store, TENANT, JOB, stream, KEY, lambda: None, 1).write([sorted(lines)])
        self.streams.append(state(stream, [run], resources, answer))

    @property
    def reader(self) -> SnapshotReader:
        return SnapshotReader(self.blobs, self.streams)

    def count_opened(self, read: Callable[[SnapshotReader], object]) -> int:
        """Return the number of chunks that this read of the snapshot opens."""
        return self.count_opened_by(lambda blobs: read(SnapshotReader(blobs, self.streams)))

    def count_opened_by(self, read: Callable[[BlobReader], object]) -> int:
        """Return the number of chunks that this read opens."""
        count = 0

        def counted() -> None:
            nonlocal count
            count += 1

        read(BlobReader(self.store, lambda _: KEY, TENANT, counted))
        return count


def state(stream: str, runs: list[Run], resources: list[StoredResource], answer: Answer = Answer.WHOLE) -> StreamState:
    return StreamState(
        stream=stream,
        selection="",
        cursor=None,
        cursor_issued=None,
        started_at=None,
        ended=None,
        answer=answer,
        request_id=None,
        stale=False,
        runs=runs,
        records=dict.fromkeys(each.resource for each in resources),
        resources=resources,
    )


def listed_resource(resource: str, owner: str | None = None) -> StoredResource:
    return StoredResource(resource=resource, holds=Holds.LINKS if owner else Holds.OBJECTS, owner=owner)


def lines_of(keys: list[bytes]) -> list[Line]:
    return [put(resource_of(key), key, b"{}") for key in keys]


def child(owner: str, id: str) -> bytes:
    return b"applications/%b/owners/%b" % (encode_id(owner), encode_id(id))


def store_owners(owners: set[str], children: set[tuple[str, str]], answer: Answer = Answer.WHOLE) -> Stored:
    """Store applications and, in another stream, their owners."""
    stored = Stored()
    applications = [b"applications/" + encode_id(one) for one in owners]
    stored.add("a", lines_of(applications), [listed_resource("applications")], answer)
    stored.add(
        "b", lines_of([child(*one) for one in children]), [listed_resource("applications.owners", "applications")]
    )
    return stored


def keys(records: object) -> list[bytes]:
    return [key for key, _ in records]  # type: ignore[attr-defined]


@given(st.sets(IDS, max_size=8), st.sets(st.tuples(IDS, IDS), max_size=12))
@example({"a", "a-", "a."}, {("a", "1"), ("a-", "2"), ("a.", "3"), ("a~", "4")})
def test_records_of_deleted_objects_are_omitted(owners: set[str], children: set[tuple[str, str]]) -> None:
    reader = store_owners(owners, children).reader
    present = sorted(child(*one) for one in children if one[0] in owners)
    assert keys(reader.records(["applications.owners"])) == present
    assert reader.count("applications.owners") == len(present)
    assert keys(reader.stored_records("applications.owners")) == sorted(child(*one) for one in children)


def test_incompletely_read_owners_omit_no_record() -> None:
    assert keys(store_owners(set(), {("a", "1")}, Answer.FORBIDDEN).reader.records()) == [child("a", "1")]


@given(st.sets(IDS, max_size=5), st.sets(st.tuples(IDS, IDS), max_size=8), st.data())
def test_chosen_records_equal_all_records_with_touched_keys(
    owners: set[str], children: set[tuple[str, str]], data: st.DataObject
) -> None:
    name = b"applications.owners"
    orders = st.one_of(
        st.sampled_from(sorted(children) or [("a", "1")]).map(lambda one: tombstone(name, child(*one))[0]),
        IDS.map(lambda one: prefix_tombstone(name, child(one, "x")[:-1])[0]),
        st.just(name + b"\0"),
    )
    chosen = sorted(data.draw(st.sets(orders, max_size=4)))
    reader = store_owners(owners, children).reader
    touched = [
        record
        for record in reader.records([name.decode()])
        if any(order[len(name) + 1 :] == record[0] for order in chosen)
        or any(record[0].startswith(order[len(name) + 1 :]) for order in chosen if order[-1:] in (b"/", b"\0"))
    ]
    assert list(reader.chosen_records(name.decode(), Touched(chosen))) == touched


def store_teams() -> Stored:
    """Store a tree of three levels in three streams, with a collection whose name has a dot."""
    stored = Stored()
    stored.add("teams", lines_of([b"teams/%d" % n for n in range(9)]), [listed_resource("teams")])
    channels = [b"teams/%d/channels/%d" % (n, n) for n in range(12)]
    stored.add("channels", lines_of(channels), [listed_resource("teams.channels", "teams")])
    tabs = [b"%b/tabs/%d" % (channel, n) for channel in channels for n in range(3)]
    stored.add("tabs", lines_of(tabs), [listed_resource("teams.channels.tabs", "teams.channels")])
    deleted = [put(b"teams.deleted", b"teams.deleted/%d" % n, b"{}") for n in range(3)]
    stored.add("deleted", deleted, [listed_resource("teams.deleted")])
    return stored


def test_records_below_an_omitted_record_are_omitted_too() -> None:
    reader = store_teams().reader
    assert reader.count("teams.channels.tabs") == 27
    assert reader.count("teams.deleted") == 3
    assert reader.resources == ["teams", "teams.channels", "teams.channels.tabs", "teams.deleted"]


def test_reading_one_object_returns_all_its_records_and_opens_few_chunks() -> None:
    stored = store_teams()

    def read(blobs: BlobReader, object_id: bytes = b"4") -> list[Record]:
        listed = [each for state in stored.streams for each in state.listed]
        objects = ObjectReader(blobs, object_id, listed)
        reader = objects.snapshot(objects.narrowed(stored.streams))
        return [each for name in reader.resources for each in reader.chosen_records(name, objects.touched(name))]

    assert keys(read(stored.blobs)) == [
        b"teams/4",
        b"teams/4/channels/4",
        *(b"teams/4/channels/4/tabs/%d" % n for n in range(3)),
    ]
    assert read(stored.blobs, b"11") == []
    assert stored.count_opened_by(read) < 12 < sum(len(state.runs[0].chunks) for state in stored.streams)


def test_a_resource_named_twice_is_read_once() -> None:
    assert keys(store_owners({"a"}, set()).reader.records(["applications", "applications"])) == [b"applications/a"]


def test_a_resource_missing_from_the_snapshot_has_no_records() -> None:
    reader = store_owners({"a"}, set()).reader
    assert list(reader.records(["users"])) == []
    assert reader.stream_of("users") is None


def test_the_lease_is_checked_before_each_chunk_is_opened() -> None:
    refusal: list[KeyRefused] = []

    def check() -> None:
        if refusal:
            raise refusal[0]

    stored = Stored(check)
    stored.add("users", lines_of([b"users/%d" % n for n in range(3)]), [listed_resource("users")])
    records = stored.reader.records()
    assert next(records) == (b"users/0", b"{}")
    refusal.append(KeyRefused(ARN, "Disabled."))
    with pytest.raises(KeyRefused):
        next(records)


def test_a_manifest_without_lists_is_read_by_its_counted_names() -> None:
    names = ["groups", "groups.members", "servicePrincipals.appRoleAssignedTo"]
    older = msgspec.structs.replace(state("groups", [], []), records=dict.fromkeys(names))
    assert older.listed == [
        StoredResource(resource="groups", holds=Holds.OBJECTS, owner=None),
        StoredResource(resource="groups.members", holds=Holds.LINKS, owner="groups"),
        StoredResource(resource=names[2], holds=Holds.OBJECTS, owner="servicePrincipals"),
    ]
