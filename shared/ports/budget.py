"""Budget: how fast one application may ask one directory, shared by all workers.

A scope is ``(directory id, client id)``. A 429 met anywhere slows every worker of that scope.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Budget(Protocol):
    def request(self) -> AbstractAsyncContextManager[None]:
        """Waits until one more request may be sent, and holds its place until the answer is there."""
        ...

    async def throttled(self, seconds: float) -> None:
        """Graph said 429: nobody in this scope asks again for so many seconds."""
        ...


class Budgets(Protocol):
    def scope(self, directory_id: str, client_id: str) -> Budget:
        """The budget of one application in one directory."""
        ...
