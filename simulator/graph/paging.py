"""Listings in pages: collections, recycle bins and relations of an object (Graph: "Paging Microsoft Graph data").

A page token counts positions, and an object keeps its position whatever happens to it. A page ends after a number of shown
objects. It has a next link only if another object follows.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing, odata, unsupported
from simulator.graph.directory import Directory
from simulator.graph.expanding import end, expanded, inlined
from simulator.graph.filtering import matching
from simulator.graph.kinds import KINDS, Kind, Relation, Reverse
from simulator.graph.options import Options, eventual, parsed
from simulator.graph.permissions import licensed
from simulator.graph.selecting import shown
from simulator.graph.stored import Stored
from simulator.graph.visibility import binned, listed, readable

_LIFETIME = 86400


@dataclass(frozen=True)
class _Listing:
    """The positions of a listing, some of which may be empty."""

    context: str
    """The context of the answer."""
    total: int
    """Number of positions."""
    shown: Callable[[int], bytes | None]
    """Return the text shown for a position, or None if it is empty."""
    is_filled: Callable[[int], bool]
    """Return whether a position is not empty."""
    known_count: int | None = None
    """Number of filled positions; None if they must be counted."""

    def count(self) -> int:
        """Return the number of filled positions."""
        return sum(map(self.is_filled, range(self.total))) if self.known_count is None else self.known_count


class Listings:
    """The handler of all paged listings except delta rounds."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def collection(self, request: Request, kind: Kind, hidden: frozenset[str]) -> Answer:
        """Return a page of the live objects of a kind, or of the ids in `$filter`. Raises Refused for bad options.

        Properties in `hidden` are shown as null.
        """
        options = parsed(request, kind, filters="values", expands=True)
        licensed(self._directory, kind, options.select)
        return self._page(request, kind, options, self._objects(kind, options, hidden))

    def count(self, request: Request, kind: Kind) -> int:
        """Return the number of live objects of a kind, or of the ids in `$filter`."""
        options = parsed(request, kind, filters="values")
        return self._objects(kind, options).count()

    def _objects(self, kind: Kind, options: Options, hidden: frozenset[str] = frozenset()) -> _Listing:
        directory, ids = self._directory, options.ids
        if options.filter is not None:
            ids = tuple(matching(directory, kind, options.filter))

        def stored_at(position: int) -> tuple[str, Stored | None]:
            if ids is None:
                key, stored = directory.object_at(kind, position)
                return key, listed(directory, kind, key, stored)
            return ids[position], listed(directory, kind, ids[position], directory.find(kind, ids[position]))

        def text(position: int) -> bytes | None:
            key, stored = stored_at(position)
            if stored is None:
                return None
            value = inlined(directory, kind, key, stored, options)
            for name in hidden:
                if raw_json.member(value, name) is not None:
                    value = raw_json.merged(value, b'{"%b":null}' % name.encode())
            return expanded(directory, kind, key, value, options.expand) if options.expand else value

        def is_filled(position: int) -> bool:
            untouched = ids is None and directory.untouched(kind, position)
            return untouched or stored_at(position)[1] is not None

        if ids is None:
            return _Listing(kind.path, directory.slots(kind), text, is_filled, directory.count(kind))
        return _Listing(kind.path, len(ids), text, is_filled)

    def deleted(self, request: Request, kind: Kind) -> Answer:
        """Return a page of the recycle bin of a kind."""
        options = parsed(request, kind)
        return self._page(request, kind, options, self._binned(kind, options))

    def count_deleted(self, request: Request, kind: Kind) -> int:
        """Return the number of objects of a kind in the recycle bin."""
        return self._binned(kind, parsed(request, kind)).count()

    def _binned(self, kind: Kind, options: Options) -> _Listing:
        ids = self._directory.binned(kind)

        def stored_at(position: int) -> Stored | None:
            return binned(self._directory, kind, ids[position])

        def text(position: int) -> bytes | None:
            stored = stored_at(position)
            return in_bin(kind, stored, options.select) if stored else None

        def is_filled(position: int) -> bool:
            return stored_at(position) is not None

        return _Listing(kind.path, len(ids), text, is_filled)

    def related(self, request: Request, kind: Kind, id: str, relation: Relation, cast: Kind | None) -> Answer:
        """Return a page of the objects under a relation of an object. `cast` limits them to one kind."""
        shape = relation.content or relation.child or cast or kind
        options = parsed(
            request,
            shape,
            filters="values" if relation.content else "",
            expands=bool(relation.child and shape.embedded),
        )
        if options.ids is not None:
            raise unsupported("The simulator does not filter objects under an object by id.")
        return self._page(request, shape, options, self._relation(kind, id, relation, cast, options))

    def count_related(self, request: Request, kind: Kind, id: str, relation: Relation, cast: Kind | None) -> int:
        """Return the number of objects under a relation of an object."""
        options = parsed(request, relation.content or relation.child or cast or kind)
        return self._relation(kind, id, relation, cast, options).count()

    def referring(self, request: Request, kind: Kind, id: str, reverse: Reverse) -> Answer:
        """Return a page of the objects from which links lead to an object, such as its groups."""
        if readable(self._directory, kind, id) is None:
            raise missing(id)
        starts = [
            (KINDS[path], start)
            for path, start, relation in self._directory.starts(id, kind)
            if (path, relation) in reverse.links
        ]
        options = parsed(request, kind)

        def text(position: int) -> bytes | None:
            kind, start = starts[position]
            stored = self._directory.live(kind, start)
            if stored is None:
                return None
            name = raw_json.written("@odata.type", b'"%s"' % kind.odata_type.encode())
            return raw_json.before(shown(kind, stored, options.select), name)

        listing = _Listing("directoryObjects", len(starts), text, lambda position: text(position) is not None)
        return self._page(request, kind, options, listing)

    def _relation(self, kind: Kind, id: str, relation: Relation, cast: Kind | None, options: Options) -> _Listing:
        if readable(self._directory, kind, id) is None:
            raise missing(id)
        if relation.content:
            return self._content(kind, id, relation, relation.content, options)
        places = list(self._directory.links(kind, id, relation).items())

        def text(position: int) -> bytes | None:
            target, value = places[position]
            if value is None or relation.child:
                return value
            return end(self._directory, target, value, options.select, cast)

        def is_filled(position: int) -> bool:
            target, value = places[position]
            if value is None or relation.child:
                return value is not None
            return end(self._directory, target, value, ("id",), cast) is not None

        if relation.child:
            return _Listing(f"{kind.path}('{id}')/{relation.name}", len(places), text, is_filled)
        return _Listing(cast.path if cast else "directoryObjects", len(places), text, is_filled)

    def _content(self, kind: Kind, id: str, relation: Relation, content: Kind, options: Options) -> _Listing:
        keys = self._directory.referrer_ids(content, relation.owner_property, id)
        conditions = options.filter or ()

        def stored_at(position: int) -> Stored | None:
            stored = self._directory.referrer(content, relation.owner_property, id, keys[position])
            return stored if stored and all(clause.holds(stored.value) for clause in conditions) else None

        def text(position: int) -> bytes | None:
            stored = stored_at(position)
            return shown(content, stored, options.select) if stored else None

        def is_filled(position: int) -> bool:
            return stored_at(position) is not None

        return _Listing(f"{kind.path}('{id}')/{relation.name}", len(keys), text, is_filled)

    # -- parts

    def _page(self, request: Request, kind: Kind, options: Options, listing: _Listing) -> Answer:
        size = options.top or kind.page or 1 << 30
        position = self._position(options)
        values: list[bytes] = []
        while position < listing.total and len(values) < size:
            text = listing.shown(position)
            if text is not None:
                values.append(text)
            position += 1
        more = any(map(listing.is_filled, range(position, listing.total)))
        head: list[str] = []
        if request.metadata:
            version = request.path.split("/")[1]
            context = f"{request.origin}/{version}/$metadata#{listing.context}{options.context}"
            head.append(f'"@odata.context":"{context}"')
        if options.counted and options.token is None:
            head.append(f'"@odata.count":{listing.count()}')
        if more:
            head.append(f'"@odata.nextLink":"{self._next(request, position)}"')
        lead = "{" + ",".join([*head, '"value":['])
        return odata(lead.encode() + b",".join(values) + b"]}", request)

    def _position(self, options: Options) -> int:
        if options.token is None:
            return options.skip
        try:
            issued, counted_to = base64.urlsafe_b64decode(options.token + "==").decode().split(".")
            age = self._directory.clock.now() - int(issued)
            position = int(counted_to)
        except ValueError:
            raise unsupported("The skip token is not valid.") from None
        if age > _LIFETIME:
            raise Refused(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be used.",
            )
        return position

    def _next(self, request: Request, position: int) -> str:
        """Return the link to the next page: all options of the first request, and a token."""
        text = f"{int(self._directory.clock.now())}.{position}"
        token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        kept = [part for part in request.query.replace("%24", "$").split("&") if part and not _is_token(part)]
        return f"{request.origin}{request.path}?{'&'.join([*kept, f'$skiptoken={token}'])}"


def _is_token(part: str) -> bool:
    return unquote(part).startswith(("$skiptoken=", "$skip="))


def counted(request: Request, count: Callable[[], int]) -> Answer:
    """Answer `/$count` with plain text. Raises Refused (400) without `ConsistencyLevel: eventual`."""
    if not eventual(request):
        raise bad_request("$count is not currently supported.")
    body = str(count()).encode()
    return Answer(200, body, {"OData-Version": "4.0"}, "text/plain;odata.metadata=minimal;charset=utf-8")


def in_bin(kind: Kind, stored: Stored, select: tuple[str, ...] | None) -> bytes:
    """Return a deleted object as it was, with its deletion time in `deletedDateTime`."""
    text = shown(kind, stored, select)
    if select is not None and "deletedDateTime" not in select:
        return text
    return raw_json.merged(
        text, raw_json.written("deletedDateTime", b'"%s"' % stored.deleted_at.encode()).join((b"{", b"}"))
    )
