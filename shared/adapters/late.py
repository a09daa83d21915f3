"""Replace what takes long to import in commands and beat, which seldom or never use it."""

from collections.abc import Callable

from shared.domain.jobs import StepRef
from shared.ports.directory import Access, DirectorySource, DirectoryTarget, Identity


class TickDispatch:
    """A dispatch for processes without a broker: the tick sends every message."""

    def send(self, step: StepRef) -> bool:  # noqa: ARG002 - the port's signature
        """Return False, so that the step waits for the tick."""
        return False


class LateAccess:
    """Access to directories whose client is created at the first connection."""

    def __init__(self, make: Callable[[], Access]) -> None:
        self._make = make
        self._access: Access | None = None

    def connect(self, identity: Identity, check: Callable[[], None]) -> DirectorySource:
        """Connect to a directory; create the client first if there is none."""
        return self._made().connect(identity, check)

    def connect_target(self, identity: Identity, check: Callable[[], None]) -> DirectoryTarget:
        """Connect to a directory to write to it; create the client first if there is none."""
        return self._made().connect_target(identity, check)

    def _made(self) -> Access:
        """Return the client; create it first if there is none."""
        self._access = self._access or self._make()
        return self._access
