"""One answer of a stream, sliced: where to go on, and its lines."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.loops import LoopGuard
from shared.domain.errors import Answer, Skip
from shared.domain.model import RefusedObject
from shared.domain.records import Line
from shared.domain.secret import Secret
from shared.ports.directory import Cursor


class Shape(Protocol):
    """How the objects of a stream's pages become lines."""

    def beginning(self) -> list[Line]: ...

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]: ...


class GraphPage:
    """A page in the port's words. Holds the answer's bytes until it is dropped."""

    def __init__(self, envelope: slicer.Envelope, size: int, shape: Shape, *, fresh: bool) -> None:
        """``fresh``: the first page of a full read."""
        self.size = size
        self.cursor = _cursor(envelope)
        self.request_id: str | None = None
        self._envelope = envelope
        self._shape = shape
        self._fresh = fresh
        self._incomplete: list[str] = []

    def take_to(self, guard: LoopGuard) -> None:
        """Have the guard take in the page. Raise Looping if it was there before."""
        guard.take(self._envelope, self.request_id)

    def entries(self) -> Iterator[list[Line]]:
        if self._fresh:
            yield self._shape.beginning()
        try:
            for text in self._envelope.value:
                yield self._shape.lines(text, self._incomplete)
        except ValueError:
            raise Skip(Answer.FAILED, "Graph's answer holds an object without an id.") from None

    def refused(self) -> list[RefusedObject]:
        """Return nothing: what leads from page to page is shown whole or not at all."""
        return []

    def incomplete(self) -> list[str]:
        return list(dict.fromkeys(self._incomplete))


def _cursor(envelope: slicer.Envelope) -> Cursor | None:
    if envelope.next:
        return Cursor(Secret(envelope.next.encode()), more=True)
    if envelope.delta:
        return Cursor(Secret(envelope.delta.encode()), more=False)
    return None
