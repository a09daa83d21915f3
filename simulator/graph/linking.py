"""Links between objects. An object's links come from the generator until one changes; then they are stored here."""

from simulator.graph.generator import Generator

Start = tuple[str, str, str]
"""The start of links: the path and id of an object, and the name of a relation."""


class Links:
    """All links. Each object's links keep their order. A removed link is kept as None."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._links: dict[Start, dict[str, bytes | None]] = {}
        self._starts: dict[str, dict[Start, None]] = {}

    def read(self, path: str, id: str, relation: str) -> dict[str, bytes | None]:
        """Return the links of an object by target id. Callers must not change the mapping."""
        stored = self._links.get((path, id, relation))
        if stored is not None:
            return stored
        number = self._generator.number(path, id)
        return {} if number is None else dict(self._generator.links(path, number, relation))

    def put(self, path: str, id: str, relation: str, target: str, value: bytes | None) -> None:
        """Set one link, or remove it if the value is None."""
        start = (path, id, relation)
        if start not in self._links:
            self._links[start] = self.read(path, id, relation)
        self._links[start][target] = value
        self._starts.setdefault(target, {})[start] = None

    def removed(self, start: Start, target: str) -> bool:
        """Return whether a link that the generator made, or that was set here, does not exist any more."""
        stored = self._links.get(start)
        return stored is not None and stored.get(target) is None

    def starts(self, target: str) -> list[Start]:
        """Return the starts of all links to this object that were ever set here. Links of the generator are not included."""
        return list(self._starts.get(target, ()))
