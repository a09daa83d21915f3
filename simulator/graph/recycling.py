"""The recycle bin (Graph: "Deleted items"): its listings, restore and permanent deletion."""

from simulator.graph.answers import Answer, Refused, Request, missing, no_segment, only, unsupported
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.entities import directory_object, entity
from simulator.graph.kinds import UNITS, Kind, cast, is_cast
from simulator.graph.paging import Listings, counted, in_bin
from simulator.graph.permissions import allow, allow_in_bin, licensed
from simulator.graph.selecting import shown
from simulator.graph.stored import State, Stored
from simulator.graph.visibility import any_binned
from simulator.graph.writes.body import body_of
from simulator.graph.writes.objects import rules_of
from simulator.graph.writes.rules import Removal


class Bin:
    """The handler of `/directory/deletedItems`."""

    def __init__(self, directory: Directory, listings: Listings) -> None:
        self._directory = directory
        self._listings = listings

    def answer(self, request: Request, app: App, tail: list[str]) -> Answer:
        """Answer a request. `tail` holds the segments after the bin: a type, or an id and an optional action."""
        if not tail:
            raise unsupported("The request needs a type cast, as in /directory/deletedItems/microsoft.graph.user.")
        if is_cast(tail[0]):
            return self._listing(request, app, *tail)
        match = any_binned(self._directory, tail[0])
        if match is None:
            raise missing(tail[0])
        kind, stored = match
        allow_in_bin(app, kind, writes=request.method != "GET")
        if tail[1:] == ["restore"] and request.method == "POST":
            return self._restore(request, app, kind, tail[0], stored)
        if tail[1:]:
            raise no_segment(tail[1])
        if request.method == "DELETE" and kind is not UNITS:
            self._directory.purge(kind, tail[0])
            return Answer(204)
        only(request, "GET")
        return directory_object(request, kind, in_bin(kind, stored, None))

    def own(self, request: Request, app: App, kind: Kind, tail: list[str]) -> Answer:
        """Answer a request for a kind's own recycle bin. `tail` holds an id and an optional action."""
        if kind.own_bin and kind.own_bin.delegated:
            raise Refused(403, "AccessDenied", "The operation needs a signed-in user. Applications cannot perform it.")
        allow_in_bin(app, kind, writes=request.method != "GET")
        licensed(self._directory, kind)
        if not tail:
            only(request, "GET")
            return self._listings.deleted(request, kind)
        stored = self._directory.find(kind, tail[0])
        if stored is None or stored.state is not State.DELETED:
            raise missing(tail[0])
        if tail[1:] == ["restore"] and request.method == "POST":
            self._directory.restore(kind, tail[0])
            live = self._directory.live(kind, tail[0]) or stored
            return entity(request, kind.path, shown(kind, live, None))
        if tail[1:]:
            raise no_segment(tail[1])
        if request.method == "DELETE":
            self._directory.purge(kind, tail[0])
            return Answer(204)
        only(request, "GET")
        return entity(request, kind.path, in_bin(kind, stored, None))

    def _restore(self, request: Request, app: App, kind: Kind, id: str, stored: Stored) -> Answer:
        """Restore an object from the recycle bin. Return 200 with it. Raises Refused if a rule of its kind forbids that."""
        body = body_of(request) if request.body else {}
        removal = Removal(self._directory, app, kind, id, stored.properties(), body=body)
        rules = rules_of(kind)
        for refuse in rules.restoring:
            refuse(removal)
        self._directory.restore(kind, id)
        self._directory.lag.note(kind.path, id, None)
        rules.restored(removal)
        live = self._directory.live(kind, id) or stored
        return directory_object(request, kind, shown(kind, live, None))

    def _listing(self, request: Request, app: App, segment: str, *rest: str) -> Answer:
        only(request, "GET")
        if rest not in ((), ("$count",)):
            raise no_segment(rest[0])
        kind = cast(segment)
        if kind is None or not kind.bin:
            raise unsupported(f"The cast to '{segment}' is not supported.")
        allow(app, kind, writes=False)
        if rest:
            return counted(request, lambda: self._listings.count_deleted(request, kind))
        return self._listings.deleted(request, kind)
