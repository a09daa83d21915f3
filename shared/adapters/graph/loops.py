"""Notice that Graph leads a reading round in a circle: a link that it has followed before, or pages that repeat."""

from collections.abc import Iterable

from shared.adapters.graph import slicer
from shared.domain.errors import Looping

_MOST = 1 << 16
"""Links and pages kept in mind, by hashes: some 10 MB. Circles of so many pages are noticed."""
_REPEATED = 8
"""Pages in a row that were there before: a delta round may repeat an object, and never so many pages to the letter."""
_EMPTY = 1000
"""Pages in a row without an object. Graph sends empty pages with a further link now and then."""


class LoopGuard:
    """The links and pages of one reading."""

    def __init__(self, passed: Iterable[str]) -> None:
        """``passed`` are links that the reading has followed already."""
        self._links = {hash(link) for link in passed}
        self._pages: set[int] = set()
        self._repeated = 0
        self._empty = 0

    def take(self, page: slicer.Envelope, request_id: str | None) -> None:
        """Take in a page and the link that goes on from it. Raise Looping if either was there before."""
        if page.next is not None:
            self._follow(page.next, request_id)
        self._look(page, request_id)

    def _follow(self, link: str, request_id: str | None) -> None:
        mark = hash(link)
        if mark in self._links:
            raise Looping(f"Graph's links lead back to a page that was read (request {request_id}).", request_id)
        _keep(self._links, mark)

    def _look(self, page: slicer.Envelope, request_id: str | None) -> None:
        mark = _mark(page)
        self._empty = self._empty + 1 if mark is None else 0
        self._repeated = self._repeated + 1 if mark in self._pages else 0
        if self._repeated >= _REPEATED or self._empty >= _EMPTY:
            raise Looping(f"Graph sends the same pages again and again (request {request_id}).", request_id)
        if mark is not None:
            _keep(self._pages, mark)


def _keep(marks: set[int], mark: int) -> None:
    if len(marks) >= _MOST:
        marks.clear()
    marks.add(mark)


def _mark(page: slicer.Envelope) -> int | None:
    """Return a mark of the page's objects; None without any. Pages that begin and end alike and are as long are one."""
    if not page.value:
        return None
    return hash((bytes(page.value[0]), bytes(page.value[-1]), len(page.value), sum(map(len, page.value))))
