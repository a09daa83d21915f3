"""Listings in pages: collections, recycle bins, what an object has under a relation (Graph: "Paging Microsoft Graph data").

A page token counts places, and a place is kept whatever happens to what stood there. A page ends where so many were shown; it
has a next link only if something more is to come.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from simulator.graph import letter
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing, odata, unsupported
from simulator.graph.directory import Directory
from simulator.graph.expanding import end, expanded
from simulator.graph.kinds import Kind, Relation
from simulator.graph.options import Options, eventual, parsed
from simulator.graph.selecting import shown
from simulator.graph.stored import State, Stored

_LIFETIME = 86400


@dataclass(frozen=True)
class _Listing:
    """What is listed: how many places there are, what is shown of one (None: nothing), whether something is there."""

    context: str
    total: int
    shown: Callable[[int], bytes | None]
    there: Callable[[int], bool]
    known: int | None = None
    """How many places hold something, if that need not be counted."""

    def count(self) -> int:
        return sum(map(self.there, range(self.total))) if self.known is None else self.known


class Listings:
    """Answers whatever comes in pages but is no delta."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def collection(self, request: Request, kind: Kind) -> Answer:
        """A page of all live objects of a kind, or of those asked for by id. Refused: a wrong query, a token too old."""
        options = parsed(request, kind, filters=True, expands=True)
        return self._page(request, kind, options, self._objects(kind, options))

    def count(self, request: Request, kind: Kind) -> int:
        """How many objects of a kind are live, of those asked for."""
        options = parsed(request, kind, filters=True)
        return self._objects(kind, options).count()

    def _objects(self, kind: Kind, options: Options) -> _Listing:
        directory, ids = self._directory, options.ids

        def at(place: int) -> tuple[str, Stored | None]:
            return directory.at(kind, place) if ids is None else (ids[place], directory.live(kind, ids[place]))

        def text(place: int) -> bytes | None:
            key, stored = at(place)
            if stored is None or stored.state is not State.LIVE:
                return None
            found = shown(kind, stored, options.select)
            return expanded(directory, kind, key, found, options.expand) if options.expand else found

        def there(place: int) -> bool:
            if ids is None and directory.untouched(kind, place):
                return True
            stored = at(place)[1]
            return stored is not None and stored.state is State.LIVE

        if ids is None:
            return _Listing(kind.path, directory.slots(kind), text, there, directory.count(kind))
        return _Listing(kind.path, len(ids), text, there)

    def deleted(self, request: Request, kind: Kind) -> Answer:
        """A page of the recycle bin of a kind."""
        options = parsed(request, kind)
        return self._page(request, kind, options, self._binned(kind, options))

    def count_deleted(self, request: Request, kind: Kind) -> int:
        """How many objects of a kind lie in the recycle bin."""
        return self._binned(kind, parsed(request, kind)).count()

    def _binned(self, kind: Kind, options: Options) -> _Listing:
        ids = self._directory.binned(kind)

        def at(place: int) -> Stored | None:
            stored = self._directory.find(kind, ids[place])
            return stored if stored is not None and stored.state is State.DELETED else None

        def text(place: int) -> bytes | None:
            stored = at(place)
            return in_bin(kind, stored, options.select) if stored else None

        def there(place: int) -> bool:
            return at(place) is not None

        return _Listing(kind.path, len(ids), text, there)

    def related(self, request: Request, kind: Kind, id: str, relation: Relation, cast: Kind | None) -> Answer:
        """A page of what an object has under a relation. `cast` shows one kind of other ends alone."""
        shape = relation.content or cast or kind
        options = parsed(request, shape)
        return self._page(request, shape, options, self._relation(kind, id, relation, cast, options))

    def count_related(self, request: Request, kind: Kind, id: str, relation: Relation, cast: Kind | None) -> int:
        """How much an object has under a relation."""
        options = parsed(request, relation.content or cast or kind)
        return self._relation(kind, id, relation, cast, options).count()

    def _relation(self, kind: Kind, id: str, relation: Relation, cast: Kind | None, options: Options) -> _Listing:
        if self._directory.live(kind, id) is None:
            raise missing(id)
        if relation.content:
            return self._content(kind, id, relation, relation.content, options)
        places = list(self._directory.links(kind, id, relation).items())

        def text(place: int) -> bytes | None:
            target, value = places[place]
            return None if value is None else end(self._directory, target, value, options.select, cast)

        def there(place: int) -> bool:
            target, value = places[place]
            return value is not None and end(self._directory, target, value, ("id",), cast) is not None

        return _Listing(cast.path if cast else "directoryObjects", len(places), text, there)

    def _content(self, kind: Kind, id: str, relation: Relation, content: Kind, options: Options) -> _Listing:
        keys = self._directory.naming(content, relation.by, id)

        def at(place: int) -> Stored | None:
            return self._directory.tied(content, relation.by, id, keys[place])

        def text(place: int) -> bytes | None:
            stored = at(place)
            return shown(content, stored, options.select) if stored else None

        def there(place: int) -> bool:
            return at(place) is not None

        return _Listing(f"{kind.path}('{id}')/{relation.name}", len(keys), text, there)

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
        more = any(map(listing.there, range(position, listing.total)))
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
            issued, position = base64.urlsafe_b64decode(options.token + "==").decode().split(".")
            age = self._directory.clock.now() - int(issued)
            place = int(position)
        except ValueError:
            raise unsupported("The skip token is not valid.") from None
        if age > _LIFETIME:
            raise Refused(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be used.",
            )
        return place

    def _next(self, request: Request, position: int) -> str:
        """The link to the page that goes on: all options of the first request, and a token."""
        text = f"{int(self._directory.clock.now())}.{position}"
        token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        kept = [part for part in request.query.replace("%24", "$").split("&") if part and not _is_token(part)]
        return f"{request.origin}{request.path}?{'&'.join([*kept, f'$skiptoken={token}'])}"


def _is_token(part: str) -> bool:
    return unquote(part).startswith(("$skiptoken=", "$skip="))


def counted(request: Request, count: Callable[[], int]) -> Answer:
    """The answer to `/$count`, plain text. Refused (400) without `ConsistencyLevel: eventual`."""
    if not eventual(request):
        raise bad_request("$count is not currently supported.")
    body = str(count()).encode()
    return Answer(200, body, {"OData-Version": "4.0"}, "text/plain;odata.metadata=minimal;charset=utf-8")


def in_bin(kind: Kind, stored: Stored, select: tuple[str, ...] | None) -> bytes:
    """A deleted object: as it was, with the time at which it was deleted."""
    text = shown(kind, stored, select)
    if select is not None and "deletedDateTime" not in select:
        return text
    return letter.merged(
        text, letter.written("deletedDateTime", b'"%s"' % stored.deleted_at.encode()).join((b"{", b"}"))
    )
