"""Links between objects: the generator's until one of an object's links changes, then all of them here."""

from simulator.graph.generator import Generator

Start = tuple[str, str, str]
"""Where links start: the path and id of an object and the name of a relation."""


class Links:
    """All links. Each object's links keep the order of their places; one that was removed leaves None behind."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._links: dict[Start, dict[str, bytes | None]] = {}
        self._starts: dict[str, dict[Start, None]] = {}

    def read(self, path: str, id: str, relation: str) -> dict[str, bytes | None]:
        """The links of an object by the other end's id. Not to be changed."""
        known = self._links.get((path, id, relation))
        if known is not None:
            return known
        number = self._generator.number(path, id)
        return {} if number is None else dict(self._generator.links(path, number, relation))

    def put(self, path: str, id: str, relation: str, target: str, value: bytes | None) -> None:
        """Sets one link, or removes it (None)."""
        start = (path, id, relation)
        if start not in self._links:
            self._links[start] = self.read(path, id, relation)
        self._links[start][target] = value
        self._starts.setdefault(target, {})[start] = None

    def starts(self, target: str) -> list[Start]:
        """Where links begin that were once set to this object by hand; those of the generator it knows itself."""
        return list(self._starts.get(target, ()))
