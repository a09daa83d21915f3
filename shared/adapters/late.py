"""Replace what takes long to import in commands and beat, which seldom or never use it."""

from collections.abc import Callable

from shared.domain.jobs import StepRef
from shared.ports.directory import DirectoryAccess, DirectorySource, Identity


class TickDispatch:
    """A dispatch for processes without a broker: the tick sends every message."""

    def send(self, step: StepRef) -> bool:  # noqa: ARG002 - the port's signature
        """Return False, so that the step waits for the tick."""
        return False


class LateAccess:
    """Access to directories whose client is created at the first connection."""

    def __init__(self, make: Callable[[], DirectoryAccess]) -> None:
        self._make = make
        self._access: DirectoryAccess | None = None

    def connect(self, identity: Identity, check: Callable[[], None]) -> DirectorySource:
        """Connect to a directory; create the client first if there is none."""
        self._access = self._access or self._make()
        return self._access.connect(identity, check)
