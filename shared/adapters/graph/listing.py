"""Conversion of the objects of a listing, or of a single object, into lines: each is a record without changes."""

from typing import Any

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.domain.records import Line, encode_id, prefix_tombstone, put
from shared.domain.resources import Reading, Stream

_EMPTY = (b"", b"null", b"[]", b"{}", b'""')
"""The JSON of a property without a value; empty if it is missing."""


class ListingShape:
    """The conversion of the objects of a stream without delta into lines.

    An object of which a directory has one is read the same way; its key is the resource's name.
    """

    def __init__(self, stream: Stream) -> None:
        """Build the decoder of the stream's objects."""
        self._resource = stream.resource.encode()
        self._single = stream.reading is Reading.SINGLETON
        self._needs = bool(stream.needs)
        fields: list[Any] = [("key", str, msgspec.field(name=stream.key))] if not self._single else []
        if stream.needs:
            fields.append(("needed", Raw, msgspec.field(name=stream.needs, default=Raw(b""))))
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(msgspec.defstruct("Listed", fields))

    def beginning(self) -> list[Line]:
        """Return the line that starts a full read: a prefix tombstone that hides the resource's records in older runs."""
        return [prefix_tombstone(self._resource, b"")]

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:  # noqa: ARG002
        """Return the line of one object; none if it lacks the property that the stream exists for.

        Never add to ``incomplete``. Raises ValueError if the object has no id.
        """
        if self._single:
            return [put(self._resource, self._resource, bytes(text))]
        listed = slicer.read(text, self._decoder)
        if self._needs and bytes(listed.needed) in _EMPTY:
            return []
        return [put(self._resource, self._resource + b"/" + encode_id(listed.key), bytes(text))]
