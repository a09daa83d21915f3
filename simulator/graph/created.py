"""The number of objects that were ever created through Graph, so that tests find out what was created twice."""

from collections import Counter

from simulator.graph import raw_json
from simulator.graph.kinds import Kind

_NAMES = ("userPrincipalName", "uniqueName", "displayName", "extensionName", "templateId")


class Created:
    """Creations by kind, and by the name that the object had."""

    def __init__(self) -> None:
        self._names: dict[str, Counter[str]] = {}

    def note(self, kind: Kind, value: bytes) -> None:
        """Count the creation of an object."""
        names = (raw_json.text(value, name) for name in _NAMES)
        self._names.setdefault(kind.path, Counter())[next((name for name in names if name), "")] += 1

    def clear(self) -> None:
        """Forget all creations."""
        self._names.clear()

    def document(self) -> dict[str, object]:
        """Return for each path the number of created objects, and the names of those created more than once."""
        return {
            path: {
                "created": counts.total(),
                "repeated": {name: count for name, count in sorted(counts.items()) if name and count > 1},
            }
            for path, counts in sorted(self._names.items())
        }
