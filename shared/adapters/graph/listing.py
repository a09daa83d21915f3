"""Conversion of the objects of a listing into lines: each object is a record without changes."""

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.domain.records import Line, encode_id, prefix_tombstone, put
from shared.domain.resources import Stream

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)


class ListingShape:
    """The conversion of the objects of a stream without delta into lines.

    A collection of one object (the organization) is read the same way.
    """

    def __init__(self, stream: Stream) -> None:
        """Store the stream's resource."""
        self._resource = stream.resource.encode()

    def beginning(self) -> list[Line]:
        """Return the line that starts a full read: a prefix tombstone that hides the resource's records in older runs."""
        return [prefix_tombstone(self._resource, b"")]

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:  # noqa: ARG002
        """Return the line of one object. Never add to ``incomplete``. Raises ValueError if the object has no id."""
        object_id = slicer.read(text, _IDENTIFIED).id
        return [put(self._resource, self._resource + b"/" + encode_id(object_id), bytes(text))]
