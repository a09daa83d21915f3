"""The people of one directory who can sign in."""

import uuid
from dataclasses import asdict, dataclass

from simulator.graph.values import DOMAIN

_FIELDS = {"oid", "name", "handle"}


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in. `oid` is the id of their user in the directory."""

    oid: str
    name: str
    handle: str

    @property
    def preferred_username(self) -> str:
        """Return the name that sign-in pages show: the handle, with the directory's domain if it names none."""
        return self.handle if "@" in self.handle else f"{self.handle}@{DOMAIN}"


class People:
    """The people, in the order in which they were added."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}

    def add(self, fields: dict[str, object]) -> Person:
        """Add a person, or replace the one with the same oid. Raises ValueError with a sentence."""
        if set(fields) - _FIELDS:
            raise ValueError(f"a person has no {min(set(fields) - _FIELDS)}")
        name, handle = fields.get("name"), fields.get("handle")
        if not isinstance(name, str) or not isinstance(handle, str) or not handle:
            raise ValueError("a person needs a name and a handle, both text")
        try:
            oid = str(uuid.UUID(str(fields.get("oid", uuid.uuid4()))))
        except ValueError:
            raise ValueError("a person's oid is a GUID") from None
        self._people[oid] = person = Person(oid, name, handle)
        return person

    def all(self) -> list[Person]:
        """Return every person."""
        return list(self._people.values())

    def document(self) -> list[dict[str, str]]:
        """Return every person's fields."""
        return [asdict(person) for person in self._people.values()]
