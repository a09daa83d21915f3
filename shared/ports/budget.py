"""Budget: how fast one application may ask one directory, shared by all workers.

A scope is ``(directory id, client id)``. A 429 met anywhere slows every worker of that scope. Prices are in Graph's resource
units (Microsoft Graph: "Service-specific throttling limits", identity and access).
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Budget(Protocol):
    def request(self, units: int) -> AbstractAsyncContextManager[None]:
        """Waits until one more request that costs so many resource units may be sent, and holds its place until the answer is
        there. Raises GraphTrouble, with the time to wait, where that would take longer than a minute."""
        ...

    async def throttled(self, seconds: float) -> None:
        """Graph said 429: nobody in this scope asks again for so many seconds, and all are slower after."""
        ...

    async def told(self, share: float) -> None:
        """Graph said how much of its limit is used up: 0.8 to 1.8 of it. All in this scope are slower for a while."""
        ...


class Budgets(Protocol):
    def scope(self, directory_id: str, client_id: str) -> Budget:
        """The budget of one application in one directory."""
        ...
