"""Budget: the rate at which one application may send requests to one directory, shared by all workers.

A scope is ``(directory id, client id)``. A 429 that one worker gets slows every worker of that scope. Costs are in
Graph's resource units (Microsoft Graph: "Service-specific throttling limits", identity and access).
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

DIRECTORY = "directory"
"""The bucket of requests that no service beside the directory limits."""


class Budget(Protocol):
    """The budget of one scope."""

    def request(self, units: int, bucket: str = DIRECTORY) -> AbstractAsyncContextManager[None]:
        """Wait until a request that costs ``units`` resource units may be sent, and occupy a place until the answer arrives.

        ``bucket`` is the limit of a service that the request counts against beside the directory's own.

        Raise GraphTrouble, with the time to wait, if that would take longer than a minute.
        """

    async def throttled(self, seconds: float, bucket: str = DIRECTORY) -> None:
        """Stop all requests of this scope for ``seconds`` after a 429, and slow them afterwards.

        A 429 of another bucket stops the requests of that bucket alone.
        """

    async def report_usage(self, share: float) -> None:
        """Slow all requests of this scope for a while, because Graph reported how much of its limit is used.

        ``share`` is that part of the limit, from 0.8 to 1.8.
        """


class WriteBudget(Protocol):
    """The budget of one application's writes to one directory.

    Graph counts writes by bucket, beside their cost in resource units: ``directory``, ``conditional-access`` or
    ``reports``.
    """

    async def admit(self, bucket: str, writes: int) -> None:
        """Wait until the bucket allows ``writes`` more writes, and count them.

        Raise GraphTrouble, with the time to wait, if that would take longer than ``Limits.write_wait_most_seconds``.
        """

    async def throttled(self, bucket: str, seconds: float) -> None:
        """Stop the bucket's writes for ``seconds`` after a 429."""


class Budgets(Protocol):
    """The budgets of all scopes."""

    def scope(self, directory_id: str, client_id: str) -> Budget:
        """Return the budget of one application in one directory."""

    def writes(self, directory_id: str, client_id: str) -> WriteBudget:
        """Return the budget of one application's writes to one directory."""
