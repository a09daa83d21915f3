"""One example of a resource."""

import json
from dataclasses import dataclass
from typing import Any

from tests.contract.graph.simulator import Simulator


@dataclass(frozen=True)
class Example:
    """An object or a link of the simulated directory, and what a backup shows of it."""

    resource: str
    """The resource whose record it becomes; empty for an object that others need."""
    path: str
    """The path to create it at, without version: ``groups`` or ``groups/<id>/members``; of a singleton its own."""
    value: dict[str, Any]
    op: str = "create"
    """The change to apply: ``create``, ``update`` for a singleton, ``delete`` for the recycle bin."""
    shown: dict[str, Any] | None = None
    """What the record holds, if that is not the value: every one of these properties."""

    @property
    def depth(self) -> int:
        """Return the number of segments of the path: owners have fewer than what belongs to them."""
        return self.path.count("/") + 2 * (self.op != "create")

    @property
    def text(self) -> bytes:
        """Return the value's JSON, with spaces where Graph's own would have none."""
        return json.dumps(self.value, ensure_ascii=False, separators=(" ,", ": ")).encode()

    def is_in(self, record: bytes) -> bool:
        """Return True if the record shows this example: to the letter, or every property of ``shown``."""
        if self.shown is None and self.op == "create":
            return record == self.text
        shown, found = self.value if self.shown is None else self.shown, json.loads(record)
        return all(name in found and found[name] == each for name, each in shown.items())

    def load(self, simulator: Simulator) -> None:
        """Apply the change to the simulated directory."""
        value = b"" if self.op == "delete" else b',"value":%b' % self.text
        simulator.change(b'{"op":"%b","path":"%b"%b}' % (self.op.encode(), self.path.encode(), value))
