"""What happens in a directory without a request: objects leave the recycle bin, and some updates are lost."""

from simulator.graph.directory import Directory
from simulator.graph.kinds import APPLICATIONS, KINDS
from simulator.graph.stored import State

_BIN_SECONDS = 30 * 86400
_SEVERAL_DIRECTORIES = frozenset(("AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount"))


def catch_up(directory: Directory) -> None:
    """Do what is due by now. Called before each request."""
    now = directory.clock.now()
    deletions = directory.deletions
    while deletions and deletions[0][0] + _BIN_SECONDS <= now:
        seconds, kind, key = deletions.popleft()
        stored = directory.find(kind, key)
        if stored is None or stored.state is not State.DELETED or stored.deleted_seconds != seconds:
            continue
        if kind is APPLICATIONS and stored.properties().get("signInAudience") in _SEVERAL_DIRECTORIES:
            continue  # such applications stay in the recycle bin until they are purged
        directory.purge(kind, key)
    for loss in directory.quirks.due():
        if directory.live(KINDS[loss.path], loss.id) is not None:
            directory.update(KINDS[loss.path], loss.id, loss.change, to_the_letter=False)
