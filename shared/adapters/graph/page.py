"""One answer of a stream, sliced: its lines, and the cursor to continue from."""

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
    """The conversion of the objects of a stream's pages into lines."""

    def beginning(self) -> list[Line]:
        """Return the lines that start a full read."""

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:
        """Return the lines of one object. Add its id to ``incomplete`` if it lacks its witness properties.

        Raises ValueError if the object has no id.
        """


class GraphPage:
    """A page as the port describes it. It keeps the answer's bytes in memory until it is dropped."""

    def __init__(self, envelope: slicer.Envelope, size: int, shape: Shape, *, fresh: bool) -> None:
        """Wrap an answer of ``size`` bytes. ``fresh`` marks the first page of a full read."""
        self.size = size
        self.cursor = _cursor(envelope)
        self.request_id: str | None = None
        self._envelope = envelope
        self._shape = shape
        self._fresh = fresh
        self._incomplete: list[str] = []

    def take_to(self, guard: LoopGuard) -> None:
        """Record the page in the guard. Raises Looping if Graph's pages or links repeat."""
        guard.take(self._envelope, self.request_id)

    def entries(self) -> Iterator[list[Line]]:
        """Yield the page's lines, one list for each object. Raises Skip if an object has no id."""
        if self._fresh:
            yield self._shape.beginning()
        try:
            for text in self._envelope.value:
                yield self._shape.lines(text, self._incomplete)
        except ValueError:
            raise Skip(Answer.FAILED, "Graph's answer holds an object without an id.") from None

    def refused(self) -> list[RefusedObject]:
        """Return an empty list, because Graph shows such a stream as a whole or not at all."""
        return []

    def incomplete(self) -> list[str]:
        """Return the ids of objects without their witness properties, each once. Call it after ``entries``."""
        return list(dict.fromkeys(self._incomplete))


def _cursor(envelope: slicer.Envelope) -> Cursor | None:
    """Return the page's next link or delta link as a cursor, or None if it has neither."""
    if envelope.next:
        return Cursor(Secret(envelope.next.encode()), more=True)
    if envelope.delta:
        return Cursor(Secret(envelope.delta.encode()), more=False)
    return None
