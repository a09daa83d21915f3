"""Listings in pages: a collection, its recycle bin, the links of an object (Graph: "Paging Microsoft Graph data")."""

import base64
from urllib.parse import unquote

from simulator.graph import letter
from simulator.graph.answers import Answer, Refused, Request, missing, odata, unsupported
from simulator.graph.directory import Directory, State, Stored
from simulator.graph.kinds import KINDS, Kind, Relation
from simulator.graph.selecting import Options, parsed, shown

_LIFETIME = 86400


class Listings:
    """Answers whatever comes in pages but is no delta."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def collection(self, request: Request, kind: Kind) -> Answer:
        """A page of all live objects of a kind. Refused if the query is wrong or its page token too old."""
        options = self._options(request, kind)
        values: list[bytes] = []
        if options.ids is not None:
            found = [self._directory.live(kind, chosen) for chosen in options.ids]
            values = [shown(kind, stored, options.select) for stored in found if stored is not None]
            return self._answer(request, kind.path, options, values, None, len(values))
        size = self._size(kind, options)
        position, total = self._position(options), self._directory.slots(kind)
        while position < total and len(values) < size:
            _, stored = self._directory.at(kind, position)
            if stored.state is State.LIVE:
                values.append(shown(kind, stored, options.select))
            position += 1
        rest = position if position < total and self._lives_after(kind, position) else None
        count = self.count(kind) if options.counted else 0
        return self._answer(request, kind.path, options, values, rest, count)

    def count(self, kind: Kind) -> int:
        """How many objects of a kind are live."""
        return sum(1 for _ in self._directory.walk(kind))

    def deleted(self, request: Request, kind: Kind) -> Answer:
        """A page of the recycle bin of a kind."""
        options = self._options(request, kind)
        position, size = self._position(options), self._size(kind, options)
        found = self._directory.deleted(kind)
        values = [in_bin(kind, stored, options.select) for _, stored in found[position : position + size]]
        rest = position + size if position + size < len(found) else None
        return self._answer(request, kind.path, options, values, rest, len(found))

    def related(self, request: Request, kind: Kind, id: str, relation: Relation, cast: Kind | None) -> Answer:
        """A page of the objects that an object is linked to; a soft-deleted one is left out. `cast` shows one kind alone."""
        options = self._options(request, cast or kind)
        if self._directory.live(kind, id) is None:
            raise missing(id)
        places = list(self._directory.links(kind, id, relation).items())
        position, size = self._position(options), self._size(cast or kind, options)
        values: list[bytes] = []
        while position < len(places) and len(values) < size:
            target, value = places[position]
            text = None if value is None else self.end(target, value, options.select, cast)
            if text is not None:
                values.append(text)
            position += 1
        context = cast.path if cast else "directoryObjects"
        return self._answer(
            request, context, options, values, position if position < len(places) else None, len(places)
        )

    def end(self, target: str, value: bytes, select: tuple[str, ...] | None, cast: Kind | None) -> bytes | None:
        """The other end of a link: type and properties; the link's own value if no such object is known, None if deleted."""
        for kind in (cast,) if cast else KINDS.values():
            stored = self._directory.find(kind, target)
            if stored is None:
                continue
            if stored.state is not State.LIVE:
                return None
            if select is not None and set(select) <= {"id"}:
                return value
            text = shown(kind, stored, select)
            return (
                text if cast else letter.before(text, letter.written("@odata.type", b'"%s"' % kind.odata_type.encode()))
            )
        return None if cast else value

    # -- parts

    def _options(self, request: Request, kind: Kind) -> Options:
        advanced = request.headers.get("consistencylevel", "").lower() == "eventual"
        return parsed(request.query, kind, advanced)

    @staticmethod
    def _size(kind: Kind, options: Options) -> int:
        return options.top or kind.page or 1 << 30

    def _lives_after(self, kind: Kind, position: int) -> bool:
        slots = range(position, self._directory.slots(kind))
        return any(
            self._directory.untouched(kind, slot) or self._directory.at(kind, slot)[1].state is State.LIVE
            for slot in slots
        )

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

    def _answer(
        self,
        request: Request,
        context: str,
        options: Options,
        values: list[bytes],
        rest: int | None,
        count: int,
    ) -> Answer:
        head: list[str] = []
        version = request.path.split("/")[1]
        if request.metadata:
            chosen = f"({','.join(options.select)})" if options.select else ""
            head.append(f'"@odata.context":"{request.origin}/{version}/$metadata#{context}{chosen}"')
        if options.counted and options.token is None:
            head.append(f'"@odata.count":{count}')
        if rest is not None:
            text = f"{int(self._directory.clock.now())}.{rest}"
            token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
            kept = [part for part in request.query.replace("%24", "$").split("&") if part and not _is_token(part)]
            query = "&".join([*kept, f"$skiptoken={token}"])
            head.append(f'"@odata.nextLink":"{request.origin}{request.path}?{query}"')
        lead = "{" + ",".join([*head, '"value":['])
        return odata(lead.encode() + b",".join(values) + b"]}", request)


def _is_token(part: str) -> bool:
    return unquote(part).startswith(("$skiptoken=", "$skip="))


def in_bin(kind: Kind, stored: Stored, select: tuple[str, ...] | None) -> bytes:
    """A deleted object: as it was, with the time at which it was deleted."""
    text = shown(kind, stored, select)
    if select is not None and "deletedDateTime" not in select:
        return text
    return letter.merged(
        text, letter.written("deletedDateTime", b'"%s"' % stored.deleted_at.encode()).join((b"{", b"}"))
    )
