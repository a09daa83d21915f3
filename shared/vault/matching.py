"""The choice of the records that contain a text."""

from itertools import chain

from shared.domain.records import Line, split_order
from shared.domain.text_search import TextSearch
from shared.vault.format import ChunkRef


class Matching:
    """All records whose key or value contains a text. Lines without it are searched together, not one by one."""

    def __init__(self, text: str) -> None:
        self._search = TextSearch(text)

    def among(self, lines: list[Line]) -> list[Line]:
        """Return those of sorted lines that contain the text."""
        if not self._search.possible(b" ".join(filter(None, chain.from_iterable(lines)))):
            return []
        return [line for line in lines if self._search.matches(split_order(line[0])[1], line[1] or b"")]

    def within(self, _chunk: ChunkRef) -> bool:
        """Return True: any chunk may contain the text."""
        return True

    def owners(self, _resource: str) -> None:
        """Return None: any object may own a record that contains the text."""
