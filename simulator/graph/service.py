"""Routing of Graph's paths to the parts of the simulator, and permission checks."""

import json
import re

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing, no_segment, not_allowed, odata, only
from simulator.graph.assignments import Tying
from simulator.graph.delta import Delta
from simulator.graph.directory import Directory
from simulator.graph.entities import directory_object, entity
from simulator.graph.expanding import expanded
from simulator.graph.kinds import GRANTS, KINDS, ORGANIZATION, USERS, Kind, is_delta, split
from simulator.graph.options import parsed
from simulator.graph.paging import Listings, counted
from simulator.graph.permissions import allow, allow_any
from simulator.graph.prices import price
from simulator.graph.quotas import Quotas
from simulator.graph.recycling import Bin
from simulator.graph.related import Related
from simulator.graph.selecting import shown
from simulator.graph.tokens import App, Tokens
from simulator.graph.writing import Writes

_VERSIONS = ("v1.0", "beta")
_UNIQUE_NAME = re.compile(r"(groups|applications)\(uniqueName='([^']*)'\)")
_APP_ID = re.compile(r"(applications|servicePrincipals)\(appId='([^']*)'\)")
_BIN = ["directory", "deletedItems"]
_MOST_IDS = 1000


class Service:
    """The handler of Graph requests, which all need a token."""

    def __init__(self, directory: Directory, tokens: Tokens, delta: Delta, quotas: Quotas) -> None:
        self._directory = directory
        self._quotas = quotas
        self._tokens = tokens
        self._delta = delta
        self._listings = Listings(directory)
        self._writes = Writes(directory)
        self._tying = Tying(directory)
        self._related = Related(directory, self._listings, self._writes, self._tying)
        self._bin = Bin(directory, self._listings, self._writes)

    def answer(self, request: Request) -> Answer:
        """Answer a request under a version. Raises Refused where Graph answers with an error."""
        version, _, path = request.path.strip("/").partition("/")
        if version not in _VERSIONS:
            raise Refused(400, "BadRequest", f"Invalid version: {version}")
        app = self._tokens.bearer(request)
        quota_headers = self._quotas.charge(app.client_id, price(request.method, path, request.query))
        try:
            answer = self._routed(request, app, path)
        except Refused as refused:
            refused.headers |= quota_headers
            raise
        answer.headers |= quota_headers
        return answer

    def _routed(self, request: Request, app: App, path: str) -> Answer:
        segments = [segment for segment in path.split("/") if segment]
        if segments[:2] == _BIN:
            return self._bin.answer(request, app, segments[2:])
        if segments == ["directoryObjects", "getByIds"]:
            return self._by_ids(request, app)
        if len(segments) == 2 and segments[0] == "directoryObjects":
            return self._any(request, app, segments[1])
        by_unique_name = _UNIQUE_NAME.fullmatch(segments[0]) if len(segments) == 1 else None
        if by_unique_name:
            return self._unique(request, app, KINDS[by_unique_name[1]], by_unique_name[2])
        by_app_id = _APP_ID.fullmatch(segments[0]) if len(segments) == 1 else None
        if by_app_id:
            only(request, "GET")
            return self._one(request, app, KINDS[by_app_id[1]], self._id_by_app_id(KINDS[by_app_id[1]], by_app_id[2]))
        parts = split(path)
        if parts is None:
            raise no_segment(segments[0] if segments else "")
        return self._kind(request, app, *parts)

    # -- a kind

    def _kind(self, request: Request, app: App, kind: Kind, tail: list[str]) -> Answer:
        if not tail:
            return self._collection(request, app, kind)
        if is_delta(tail) and kind.delta:
            only(request, "GET")
            self._allow(app, kind, writes=False)
            return self._delta.answer(request, kind)
        if tail == ["$count"]:
            return self._count(request, app, kind)
        if len(tail) == 1:
            return self._one(request, app, kind, tail[0])
        self._licensed(kind)
        return self._related.answer(request, app, kind, tail)

    def _collection(self, request: Request, app: App, kind: Kind) -> Answer:
        if request.method == "GET":
            self._allow(app, kind, writes=False)
            return self._listings.collection(request, kind)
        if request.method == "POST" and kind.required:
            self._allow(app, kind, writes=True)
            return self._tying.grant(request) if kind is GRANTS else self._writes.create(request, kind)
        raise not_allowed()

    def _count(self, request: Request, app: App, kind: Kind) -> Answer:
        only(request, "GET")
        self._allow(app, kind, writes=False)
        return counted(request, lambda: self._listings.count(request, kind))

    def _one(self, request: Request, app: App, kind: Kind, id: str) -> Answer:
        self._allow(app, kind, writes=request.method != "GET")
        key = id
        if kind is USERS and "@" in id:
            key = self._writes.user_named(id) or id
        if request.method == "GET":
            options = parsed(request, kind, expands=True)
            stored = self._directory.live(kind, key)
            if stored is None:
                raise missing(key)
            text = shown(kind, stored, options.select)
            if options.expand:
                text = expanded(self._directory, kind, key, text, options.expand)
            return entity(request, kind.path, text)
        if request.method == "PATCH":
            return self._writes.update(request, kind, key)
        if request.method == "DELETE" and kind is not ORGANIZATION and not kind.singleton:
            return self._writes.delete(kind, key)
        raise not_allowed()

    def _id_by_app_id(self, kind: Kind, app_id: str) -> str:
        """Return the id of the object with this appId. If none exists, return the appId, for the 404 message."""
        objects = self._directory.walk(kind)
        return next((key for key, stored in objects if raw_json.text(stored.value, "appId") == app_id), app_id)

    def _unique(self, request: Request, app: App, kind: Kind, name: str) -> Answer:
        only(request, "PATCH")
        self._allow(app, kind, writes=True)
        return self._writes.upsert(request, kind, name)

    def _allow(self, app: App, kind: Kind, writes: bool) -> None:
        allow(app, kind, writes)
        self._licensed(kind)

    def _licensed(self, kind: Kind) -> None:
        if kind.licence and kind.licence not in self._directory.licences:
            message = "Neither tenant is B2C or tenant doesn't have premium license"
            raise Refused(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", message)

    # -- objects of every kind

    def _any(self, request: Request, app: App, id: str) -> Answer:
        only(request, "GET")
        match = self._directory.find_any(id)
        if match is None:
            raise missing(id)
        kind, stored = match
        self._allow(app, kind, writes=False)
        return directory_object(request, kind, shown(kind, stored, None))

    def _by_ids(self, request: Request, app: App) -> Answer:
        only(request, "POST")
        allow_any(app)
        try:
            body = json.loads(request.body)
            ids = [str(each) for each in body["ids"]]
        except (ValueError, KeyError, TypeError):
            raise bad_request("The request body must hold 'ids', a list.") from None
        if len(ids) > _MOST_IDS:
            raise bad_request(f"The number of ids is over the limit of {_MOST_IDS}.")
        matches = [match for match in map(self._directory.find_any, ids) if match is not None]
        values = [
            raw_json.before(
                shown(kind, stored, None), raw_json.written("@odata.type", json.dumps(kind.odata_type).encode())
            )
            for kind, stored in matches
        ]
        version = request.path.split("/")[1]
        head = f'{{"@odata.context":"{request.origin}/{version}/$metadata#directoryObjects","value":['
        return odata(head.encode() + b",".join(values) + b"]}", request)
