"""Turns the objects of a listing into lines: each is a record as it stands."""

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.domain.records import Line, encode_id, prefix_gone, put
from shared.domain.resources import Stream

_IDENTIFIED: msgspec.json.Decoder[slicer.Identified] = msgspec.json.Decoder(slicer.Identified)


class ListingShape:
    """How the objects of a stream without delta become lines. A collection of one (the organization) is read the same."""

    def __init__(self, stream: Stream) -> None:
        self._resource = stream.resource.encode()

    def beginning(self) -> list[Line]:
        """The line that a full read begins with: what older runs hold of the resource is no more."""
        return [prefix_gone(self._resource, b"")]

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:  # noqa: ARG002
        """The line of one object. Nothing is ever incomplete. Raises ValueError if it has no id."""
        object_id = slicer.read(text, _IDENTIFIED).id
        return [put(self._resource, self._resource + b"/" + encode_id(object_id), bytes(text))]
