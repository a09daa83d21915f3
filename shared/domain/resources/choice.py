"""The owner's choice of what a backup holds: families and resources switched off, and others switched on."""

from collections.abc import Iterable

import msgspec

from shared.domain.resources import RESOURCES, STREAMS, Resource, Stream, Switch

BETA = "beta"
"""The name under which all resources of Graph's beta version are switched on."""
FAMILIES = tuple(dict.fromkeys(row.family for row in RESOURCES.values()))
"""The names of all families, in the order of the table."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's owner has switched off and on. Names that only a newer version knows are kept.

    A stream is read as a whole, so the resource of its objects decides for all of its resources.
    """

    off: tuple[str, ...] = ()
    """Families and resources that are not read."""
    on: tuple[str, ...] = ()
    """``beta``, families whose optional resources are read, and resources that are read whatever their family is."""

    def changed(self, *, without: Iterable[str] = (), with_: Iterable[str] = ()) -> "Choice":
        """Return this choice with the names ``without`` switched off, then the names ``with_`` switched on."""
        choice = self
        for name in without:
            choice = choice.without(name)
        for name in with_:
            choice = choice.with_(name)
        return choice

    def without(self, name: str) -> "Choice":
        """Return this choice with ``name`` switched off. A name of both a family and a resource is the family's."""
        covered = _covered(name)
        choice = self._replaced(self.off, set(self.on) - covered)
        rows = [RESOURCES[each] for each in covered if each in RESOURCES]
        return choice._replaced({*choice.off, name}, choice.on) if any(map(choice.has, rows)) else choice

    def with_(self, name: str) -> "Choice":
        """Return this choice with ``name`` switched on. A name of both a family and a resource is the family's.

        Of a family that is switched off, what a backup has by default is switched on, and otherwise its optional resources
        too.
        """
        choice = self._replaced(set(self.off) - _covered(name), self.on)
        if name == BETA:
            return choice._replaced(choice.off, {*self.on, name})
        if name in FAMILIES:
            rows = [row for row in RESOURCES.values() if row.family == name and row.switch is Switch.OPTIONAL]
            done = name in self.off or all(map(choice.has, rows))
        else:
            done = name in RESOURCES and choice.has(RESOURCES[name])
        return choice if done else choice._replaced(choice.off, {*choice.on, name})

    def has(self, row: Resource) -> bool:
        """Return True if a backup reads the resource."""
        stream = STREAMS.get(row.stream)
        leading = row if stream is None else RESOURCES[stream.resource]
        if leading.resource in self.on:
            return True
        if leading.resource in self.off or leading.family in self.off:
            return False
        switched_on = {Switch.STANDARD: True, Switch.OPTIONAL: leading.family in self.on, Switch.BETA: BETA in self.on}
        return switched_on[leading.switch]

    def rows(self) -> list[Resource]:
        """Return the resources that a backup reads."""
        return [row for row in RESOURCES.values() if self.has(row)]

    def streams(self) -> list[Stream]:
        """Return the streams that a backup reads."""
        return [stream for stream in STREAMS.values() if self.reads(stream)]

    def reads(self, stream: Stream) -> bool:
        """Return True if a backup reads the stream."""
        row = RESOURCES.get(stream.resource)
        return row is None or self.has(row)

    def _replaced(self, off: Iterable[str], on: Iterable[str]) -> "Choice":
        return Choice(off=tuple(sorted(off)), on=tuple(sorted(on)))


def refused_switch(name: str) -> str | None:
    """Return why ``name`` cannot be switched, as a sentence, or None if it can."""
    if name == BETA or name in FAMILIES:
        return None
    if name not in RESOURCES:
        return f"There is no family or resource '{name}'; 'entrakeep resources' lists them."
    leading = STREAMS[RESOURCES[name].stream].resource
    return None if leading == name else f"'{name}' is read together with '{leading}': switch that instead."


def _covered(name: str) -> set[str]:
    """Return the name, and the resources that it stands for: a family's, or all beta ones."""
    if name == BETA:
        return {name, *(row.resource for row in RESOURCES.values() if row.switch is Switch.BETA)}
    return {name, *(row.resource for row in RESOURCES.values() if row.family == name)}
