"""The owner's choice of what a backup holds: families and resources switched off, and others switched on."""

from collections.abc import Iterable

import msgspec

from shared.domain.resources import RESOURCES, STREAMS, Resource, Stream, Switch

BETA = "beta"
"""The name under which all resources of Graph's beta version are switched on."""
FAMILIES = tuple(dict.fromkeys(row.family for row in RESOURCES.values()))
"""The names of all families, in the order of the table."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's owner has switched off and on. Names of a newer version are kept."""

    off: tuple[str, ...] = ()
    """Families and resources that are not read."""
    on: tuple[str, ...] = ()
    """``beta``, and optional resources that are read."""

    def without(self, name: str) -> "Choice":
        """Return this choice with ``name`` switched off."""
        if name in self.on:
            return Choice(off=self.off, on=tuple(each for each in self.on if each != name))
        return Choice(off=tuple(sorted({*self.off, name})), on=self.on)

    def with_(self, name: str) -> "Choice":
        """Return this choice with ``name`` switched on."""
        needs_switch = name == BETA or (name in RESOURCES and RESOURCES[name].switch is not Switch.STANDARD)
        on = (*self.on, name) if needs_switch else self.on
        return Choice(off=tuple(each for each in self.off if each != name), on=tuple(sorted(set(on))))

    def changed(self, *, without: Iterable[str] = (), with_: Iterable[str] = ()) -> "Choice":
        """Return this choice with these names switched off, then the others switched on."""
        choice = self
        for name in without:
            choice = choice.without(name)
        for name in with_:
            choice = choice.with_(name)
        return choice

    def has(self, row: Resource) -> bool:
        """Return True if a backup reads the resource."""
        if row.family in self.off or row.resource in self.off:
            return False
        if row.switch is Switch.STANDARD or row.resource in self.on:
            return True
        return row.switch is Switch.BETA and BETA in self.on

    def rows(self) -> list[Resource]:
        """Return the resources that a backup reads."""
        return [row for row in RESOURCES.values() if self.has(row)]

    def streams(self) -> list[Stream]:
        """Return the streams that a backup reads: those with at least one chosen resource."""
        return [stream for stream in STREAMS.values() if self._reads(stream.resources)]

    def _reads(self, resources: Iterable[str]) -> bool:
        return any(self.has(RESOURCES[name]) for name in resources)


def is_switchable(name: str) -> bool:
    """Return True if ``name`` is ``beta``, a family or a resource."""
    return name == BETA or name in RESOURCES or name in FAMILIES
