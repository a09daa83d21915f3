"""Detection of loops in a reading: Graph repeats a link that was followed before, or sends the same pages again."""

from collections.abc import Iterable

from shared.adapters.graph import slicer
from shared.domain.errors import Looping
from shared.domain.limits import LIMITS


class LoopGuard:
    """A guard against loops. It records the links and pages of one reading."""

    def __init__(self, passed: Iterable[str]) -> None:
        """Start with the links in ``passed``, which the reading has already followed."""
        self._links = {hash(link) for link in passed}
        self._pages: set[int] = set()
        self._repeated = 0
        self._empty = 0

    def take(self, page: slicer.Envelope, request_id: str | None) -> None:
        """Record a page and its next link. Raises Looping if the link or too many pages in a row are repeated."""
        if page.next is not None:
            self._follow(page.next, request_id)
        self._compare(page, request_id)

    def _follow(self, link: str, request_id: str | None) -> None:
        """Record a link. Raises Looping if it was followed before."""
        mark = hash(link)
        if mark in self._links:
            raise Looping(f"Graph's links lead back to a page that was read (request {request_id}).", request_id)
        _keep(self._links, mark)

    def _compare(self, page: slicer.Envelope, request_id: str | None) -> None:
        """Record a page. Raises Looping after too many repeated or empty pages in a row."""
        mark = _mark(page)
        self._empty = self._empty + 1 if mark is None else 0
        self._repeated = self._repeated + 1 if mark in self._pages else 0
        if self._repeated >= LIMITS.loop_repeated_pages or self._empty >= LIMITS.loop_empty_pages:
            raise Looping(f"Graph sends the same pages again and again (request {request_id}).", request_id)
        if mark is not None:
            _keep(self._pages, mark)


def _keep(marks: set[int], mark: int) -> None:
    """Add a mark. Forget all earlier ones when there are ``Limits.loop_pages``, to bound memory."""
    if len(marks) >= LIMITS.loop_pages:
        marks.clear()
    marks.add(mark)


def _mark(page: slicer.Envelope) -> int | None:
    """Return a hash of the page's objects, or None for an empty page.

    Pages with the same first and last object, number of objects and size count as the same.
    """
    if not page.value:
        return None
    return hash((bytes(page.value[0]), bytes(page.value[-1]), len(page.value), sum(map(len, page.value))))
