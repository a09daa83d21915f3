"""Failed tries to sign in, counted so that guessing becomes slow. The database's clock times them."""

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol


class Tries(Protocol):
    """Tries by name: a person's handle, or a network address."""

    def begin(self, names: Collection[str]) -> timedelta:
        """Count a try as failed under each name before its outcome is known, so that concurrent tries are slowed too.

        Return zero, or how long to wait before the next try. Then nothing was counted.
        """

    def succeed(self, name: str, *others: str) -> None:
        """Forget the failed tries of ``name``. Take this try, and half of the failed ones, from those of ``others``.

        Others are addresses. Everybody behind one would wait again and again after five mistakes of one person.
        """
