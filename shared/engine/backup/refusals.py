"""Objects that Graph refuses while it shows others. The manifest names them, and their records stay as in the parent."""

from collections.abc import Iterator

from shared.domain.compare import Record
from shared.domain.errors import Answer, Skip
from shared.domain.model import RefusedObject
from shared.domain.records import Line, encode_id, prefix_tombstone, put
from shared.domain.resources import Stream
from shared.engine.snapshots.manifests import parent_manifest
from shared.engine.steps.work import Work
from shared.vault.snapshot_reader import SnapshotReader


class Refusals:
    """The objects that Graph refuses to one step."""

    def __init__(self, work: Work, stream: Stream, before: int) -> None:
        """Start the count at ``before``, the objects refused during earlier claims of the step."""
        self._work = work
        self._stream = stream
        self._count = before
        self._new: list[RefusedObject] = []

    @property
    def any(self) -> bool:
        """Return True if Graph refused an object of this reading."""
        return self._count > 0

    def add(self, refused: RefusedObject) -> None:
        """Add a refused object. Raises Skip if there are more than ``Limits.refused_objects``."""
        self._count += 1
        self._new.append(refused)
        most = self._work.context.limits.refused_objects
        if self._count > most:
            sentence = f"Graph refuses more than {most} objects (request {refused.request_id})."
            raise Skip(Answer.FAILED, sentence, refused.request_id)

    def take(self) -> list[RefusedObject]:
        """Return the objects added since the last call."""
        taken, self._new = self._new, []
        return taken

    def kept(self, refused: list[RefusedObject]) -> list[Line]:
        """Return lines that keep the parent's records of these objects, and remove what this reading stored of them."""
        places = {self._place(encode_id(each.id)) for each in refused}
        resource = self._stream.resource.encode()
        lines = [prefix_tombstone(resource, place) for place in sorted(places) if self._stream.children]
        for key, value in self._parents_records():
            if self._place_of_key(key) in places:
                lines.append(put(resource, key, value))
        return lines

    def _place(self, object_id: bytes) -> bytes:
        """Return the key prefix of an object's children, or the object's own key in a stream without children."""
        children = self._stream.children
        if children is None:
            return self._stream.resource.encode() + b"/" + object_id
        return b"%b/%b/%b/" % (children.owner.encode(), object_id, children.named.encode())

    def _place_of_key(self, key: bytes) -> bytes:
        """Return the place (see ``_place``) that a key belongs to."""
        return b"/".join(key.split(b"/")[:3]) + b"/" if self._stream.children else key

    def _parents_records(self) -> Iterator[Record]:
        """Return the parent's records of the stream's own resource; none without a parent."""
        parent = parent_manifest(self._work)
        reader = SnapshotReader(self._work.blobs, parent.streams if parent is not None else [])
        return reader.stored_records(self._stream.resource)
