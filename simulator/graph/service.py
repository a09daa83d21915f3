"""Which part of the simulator answers which path of Graph, and who may ask."""

import json
import re

from simulator.graph import letter
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing, not_allowed, odata, unsupported
from simulator.graph.delta import Delta
from simulator.graph.directory import Directory, State
from simulator.graph.kinds import GROUPS, KINDS, ORGANIZATION, USERS, Kind, Relation, is_delta, split
from simulator.graph.paging import Listings, in_bin
from simulator.graph.permissions import needed, of_directory, refusal
from simulator.graph.prices import price
from simulator.graph.quotas import Quotas
from simulator.graph.selecting import parsed, shown
from simulator.graph.tokens import App, Tokens
from simulator.graph.writing import Writes, directory_object, entity

_VERSIONS = ("v1.0", "beta")
_UNIQUE_NAME = re.compile(r"(groups|applications)\(uniqueName='([^']*)'\)")
_CAST = "microsoft.graph."
_BIN = ["directory", "deletedItems"]


class Service:
    """Graph itself, behind sign-in."""

    def __init__(self, directory: Directory, tokens: Tokens, delta: Delta, quotas: Quotas) -> None:
        self._directory = directory
        self._quotas = quotas
        self._tokens = tokens
        self._delta = delta
        self._listings = Listings(directory)
        self._writes = Writes(directory)

    def answer(self, request: Request) -> Answer:
        """The answer to a request below a version. Refused wherever Graph answers with an error."""
        version, _, path = request.path.strip("/").partition("/")
        if version not in _VERSIONS:
            raise Refused(400, "BadRequest", f"Invalid version: {version}")
        app = self._tokens.bearer(request)
        told = self._quotas.charge(app.client_id, price(request.method, path.strip("/"), request.query))
        try:
            answer = self._routed(request, app, path)
        except Refused as refused:
            refused.headers |= told
            raise
        answer.headers |= told
        return answer

    def _routed(self, request: Request, app: App, path: str) -> Answer:
        segments = [segment for segment in path.split("/") if segment]
        if segments[:2] == _BIN:
            return self._bin(request, app, segments[2:])
        if segments == ["directoryObjects", "getByIds"]:
            return self._by_ids(request, app)
        if len(segments) == 2 and segments[0] == "directoryObjects":
            return self._any(request, app, segments[1])
        unique = _UNIQUE_NAME.fullmatch(segments[0]) if len(segments) == 1 else None
        if unique:
            return self._unique(request, app, KINDS[unique[1]], unique[2])
        found = split(path)
        if found is None:
            raise _no_segment(segments[0] if segments else "")
        return self._kind(request, app, *found)

    # -- a kind

    def _kind(self, request: Request, app: App, kind: Kind, tail: list[str]) -> Answer:
        if not tail:
            return self._collection(request, app, kind)
        if is_delta(tail) and kind.delta:
            _only(request, "GET")
            _allow(app, needed(kind, writes=False), kind)
            return self._delta.answer(request, kind)
        if tail == ["$count"]:
            return self._count(request, app, kind)
        if len(tail) == 1:
            return self._one(request, app, kind, tail[0])
        relation = kind.relation(tail[1])
        if relation is None:
            raise _no_segment(tail[1])
        return self._related(request, app, kind, tail[0], relation, tail[2:])

    def _collection(self, request: Request, app: App, kind: Kind) -> Answer:
        if request.method == "GET":
            _allow(app, needed(kind, writes=False), kind)
            return self._listings.collection(request, kind)
        if request.method == "POST" and kind.required:
            _allow(app, needed(kind, writes=True), kind)
            return self._writes.create(request, kind)
        raise not_allowed()

    def _count(self, request: Request, app: App, kind: Kind) -> Answer:
        _only(request, "GET")
        _allow(app, needed(kind, writes=False), kind)
        if request.headers.get("consistencylevel", "").lower() != "eventual":
            raise bad_request("$count is not currently supported.")
        body = str(self._listings.count(kind)).encode()
        return Answer(200, body, {"OData-Version": "4.0"}, "text/plain;odata.metadata=minimal;charset=utf-8")

    def _one(self, request: Request, app: App, kind: Kind, id: str) -> Answer:
        _allow(app, needed(kind, writes=request.method != "GET"), kind)
        chosen = id
        if kind is USERS and "@" in id:
            chosen = self._writes.user_named(id) or id
        if request.method == "GET":
            options = parsed(request.query, kind, advanced=False)
            stored = self._directory.live(kind, chosen)
            if stored is None:
                raise missing(chosen)
            return entity(request, kind, shown(kind, stored, options.select))
        if request.method == "PATCH":
            return self._writes.update(request, kind, chosen)
        if request.method == "DELETE" and kind is not ORGANIZATION:
            return self._writes.delete(kind, chosen)
        raise not_allowed()

    def _unique(self, request: Request, app: App, kind: Kind, name: str) -> Answer:
        _only(request, "PATCH")
        _allow(app, needed(kind, writes=True), kind)
        return self._writes.upsert(request, kind, name)

    # -- links

    def _related(self, request: Request, app: App, kind: Kind, id: str, relation: Relation, tail: list[str]) -> Answer:
        writes = request.method != "GET"
        _allow(app, needed(kind, writes, relation.name), kind)
        if not tail and not writes:
            if relation.to_one:
                return self._other_end(request, kind, id, relation)
            return self._listings.related(request, kind, id, relation, None)
        if len(tail) == 1 and tail[0].startswith(_CAST) and not writes:
            return self._listings.related(request, kind, id, relation, _cast(tail[0]))
        if tail == ["$ref"] and request.method == ("PUT" if relation.to_one else "POST"):
            return self._writes.link(request, kind, id, relation)
        if request.method == "DELETE" and tail and tail[-1] == "$ref" and len(tail) == (1 if relation.to_one else 2):
            return self._writes.unlink(kind, id, relation, None if relation.to_one else tail[0])
        if request.method == "DELETE" and len(tail) == 1 and not relation.to_one:
            return self._delete_member(app, kind, id, relation, tail[0])
        raise not_allowed()

    def _other_end(self, request: Request, kind: Kind, id: str, relation: Relation) -> Answer:
        if self._directory.live(kind, id) is None:
            raise missing(id)
        links = self._directory.linked(kind, id, relation)
        found = self._directory.anywhere(links[0][0]) if links else None
        if found is None:
            raise missing(relation.name)
        end, stored = found
        options = parsed(request.query, end, advanced=False)
        return directory_object(request, end, shown(end, stored, options.select))

    def _delete_member(self, app: App, kind: Kind, id: str, relation: Relation, target: str) -> Answer:
        """Without `$ref` the other end itself is deleted (Graph: "Remove member", a warning there)."""
        found = self._directory.anywhere(target)
        if found is None or target not in dict(self._directory.linked(kind, id, relation)):
            raise missing(target)
        _allow(app, needed(found[0], writes=True), found[0])
        return self._writes.delete(found[0], target)

    # -- the recycle bin and objects of every kind

    def _bin(self, request: Request, app: App, tail: list[str]) -> Answer:
        if not tail:
            raise unsupported("The request needs a type cast, as in /directory/deletedItems/microsoft.graph.user.")
        if len(tail) == 1 and tail[0].startswith(_CAST):
            _only(request, "GET")
            kind = _cast(tail[0])
            _allow(app, needed(kind, writes=False), kind)
            return self._listings.deleted(request, kind)
        found = self._directory.anywhere(tail[0], State.DELETED)
        if found is None:
            raise missing(tail[0])
        kind, stored = found
        _allow(app, needed(kind, writes=request.method != "GET", in_bin=True), kind)
        if tail[1:] == ["restore"] and request.method == "POST":
            return self._writes.restore(request, kind, tail[0])
        if tail[1:]:
            raise _no_segment(tail[1])
        if request.method == "DELETE":
            return self._writes.purge(kind, tail[0])
        _only(request, "GET")
        return directory_object(request, kind, in_bin(kind, stored, None))

    def _any(self, request: Request, app: App, id: str) -> Answer:
        _only(request, "GET")
        found = self._directory.anywhere(id)
        if found is None:
            raise missing(id)
        _allow(app, needed(found[0], writes=False), found[0])
        return directory_object(request, found[0], shown(found[0], found[1], None))

    def _by_ids(self, request: Request, app: App) -> Answer:
        _only(request, "POST")
        _allow(app, of_directory(writes=False) | USERS.read | GROUPS.read, None)
        try:
            given = json.loads(request.body)
            ids = [str(chosen) for chosen in given["ids"]]
        except (ValueError, KeyError, TypeError):
            raise bad_request("The request body must hold 'ids', a list.") from None
        if len(ids) > 1000:
            raise bad_request("The number of ids is over the limit of 1000.")
        found = [known for known in map(self._directory.anywhere, ids) if known is not None]
        values = [
            letter.before(
                shown(kind, stored, None), letter.written("@odata.type", json.dumps(kind.odata_type).encode())
            )
            for kind, stored in found
        ]
        version = request.path.split("/")[1]
        head = f'{{"@odata.context":"{request.origin}/{version}/$metadata#directoryObjects","value":['
        return odata(head.encode() + b",".join(values) + b"]}", request)


def _allow(app: App, permissions: frozenset[str], kind: Kind | None) -> None:
    if not app.may(permissions):
        raise refusal(kind)


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise not_allowed()


def _cast(segment: str) -> Kind:
    for kind in KINDS.values():
        if kind.type == segment.removeprefix(_CAST):
            return kind
    raise unsupported(f"The cast to '{segment}' is not supported.")


def _no_segment(segment: str) -> Refused:
    return Refused(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
