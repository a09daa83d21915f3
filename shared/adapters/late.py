"""What commands and beat have in place of what takes long to import, and which they seldom or never get to."""

from collections.abc import Callable

from shared.domain.model import StepRef
from shared.ports.directory import DirectoryAccess, DirectorySource, Identity


class TickDispatch:
    """Sends nothing: where nobody talks to the broker, the tick sends every message."""

    def send(self, step: StepRef) -> bool:  # noqa: ARG002 - the port's signature
        """Leaves the step to the tick: takes none."""
        return False


class LateAccess:
    """Directories whose client is made when the first of them is connected to."""

    def __init__(self, make: Callable[[], DirectoryAccess]) -> None:
        self._make = make
        self._made: DirectoryAccess | None = None

    def connect(self, identity: Identity, check: Callable[[], None]) -> DirectorySource:
        self._made = self._made or self._make()
        return self._made.connect(identity, check)
