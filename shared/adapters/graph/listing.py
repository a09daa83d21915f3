"""Conversion of the objects of a listing, or of a single object, into lines: each is a record without changes."""

from typing import Any

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.domain.records import Line, encode_id, prefix_tombstone, put
from shared.domain.resources import Reading, Stream

_EMPTY = (b"", b"null", b"[]", b"{}", b'""')
"""The JSON of a property without a value; empty if it is missing."""


class Keys:
    """The reader of what identifies the objects of a stream without delta."""

    def __init__(self, stream: Stream) -> None:
        """Build the decoders of the stream's objects."""
        key: list[Any] = [("key", str, msgspec.field(name=stream.key))]
        needed: list[Any] = [("needed", Raw, msgspec.field(name=stream.needs, default=Raw(b"")))]
        self._key: msgspec.json.Decoder[Any] = msgspec.json.Decoder(msgspec.defstruct("Listed", key))
        self._needed: msgspec.json.Decoder[Any] | None = None
        if stream.needs:
            self._needed = msgspec.json.Decoder(msgspec.defstruct("Needed", needed))

    def key(self, text: Raw) -> str:
        """Return what identifies an object. Raises ValueError if nothing does."""
        return str(slicer.read(text, self._key).key)

    def lacks(self, text: Raw) -> bool:
        """Return True if an object lacks the property that the stream exists for. Raises ValueError if it is none."""
        return self._needed is not None and bytes(slicer.read(text, self._needed).needed) in _EMPTY


class ListingShape:
    """The conversion of the objects of a stream without delta into lines.

    An object of which a directory has one is read the same way; its key is the resource's name.
    """

    def __init__(self, stream: Stream) -> None:
        """Store the names of the stream."""
        self._resource = stream.resource.encode()
        self._single = stream.reading is Reading.SINGLETON
        self._keys = Keys(stream)

    def beginning(self) -> list[Line]:
        """Return the line that starts a full read: a prefix tombstone that hides the resource's records in older runs."""
        return [prefix_tombstone(self._resource, b"")]

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:  # noqa: ARG002
        """Return the line of one object; none if it lacks the property that the stream exists for.

        Never add to ``incomplete``. Raises ValueError if the object has no id.
        """
        if self._single:
            return [put(self._resource, self._resource, bytes(text))]
        key = self._keys.key(text)
        if self._keys.lacks(text):
            return []
        return [put(self._resource, self._resource + b"/" + encode_id(key), bytes(text))]
