"""Routing of Graph's paths to the parts of the simulator, and permission checks."""

import json
import re

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, bad_request, missing, no_segment, not_allowed, odata, only
from simulator.graph.apps import App
from simulator.graph.assignments import Tying
from simulator.graph.branding import Branding
from simulator.graph.children import Children
from simulator.graph.delta import Delta
from simulator.graph.directory import Directory
from simulator.graph.entities import directory_object, entity
from simulator.graph.expanding import expanded, inlined
from simulator.graph.kinds import GRANTS, KINDS, ORGANIZATION, USERS, Kind, is_delta, split
from simulator.graph.kinds.core import BRANDING
from simulator.graph.options import parsed
from simulator.graph.paging import Listings, counted
from simulator.graph.permissions import allow, allow_action, allow_any, allow_related, hidden_from, licensed
from simulator.graph.prices import price
from simulator.graph.quotas import Quotas
from simulator.graph.recycling import Bin
from simulator.graph.related import Related
from simulator.graph.selecting import shown
from simulator.graph.stored import State
from simulator.graph.tokens import Tokens
from simulator.graph.upkeep import catch_up
from simulator.graph.visibility import any_readable, readable
from simulator.graph.writes.invitations import invite
from simulator.graph.writes.objects import Objects, Place
from simulator.graph.writes.references import References
from simulator.graph.writes.rules import Call
from simulator.graph.writes.table import RULES

_VERSIONS = ("v1.0", "beta")
_ALTERNATE_KEY = re.compile(r"(\w+)\((\w+)='([^']*)'\)")
_UPSERTS = frozenset((("groups", "uniqueName"), ("applications", "uniqueName"), ("servicePrincipals", "appId")))
_ALTERNATE_KEYS = _UPSERTS | {("applications", "appId"), ("devices", "deviceId")}
_BIN = ["directory", "deletedItems"]
_OWN_BINS = {kind.own_bin.path: kind for kind in KINDS.values() if kind.own_bin}
_OWN_BIN_SEGMENTS = 4
_MOST_IDS = 1000


class Service:
    """The handler of Graph requests, which all need a token."""

    def __init__(self, directory: Directory, tokens: Tokens, delta: Delta, quotas: Quotas) -> None:
        self._directory = directory
        self._quotas = quotas
        self._tokens = tokens
        self._delta = delta
        self._listings = Listings(directory)
        references = References(directory)
        self._objects = Objects(directory, references)
        self._tying = Tying(directory)
        children = Children(directory, self._listings, self._objects)
        self._related = Related(directory, self._listings, self._objects, references, self._tying, children)
        self._branding = Branding(directory, children, self._objects)
        self._bin = Bin(directory, self._listings)

    def answer(self, request: Request) -> Answer:
        """Answer a request under a version. Raises Refused where Graph answers with an error."""
        version, _, path = request.path.strip("/").partition("/")
        if version not in _VERSIONS:
            raise Refused(400, "BadRequest", f"Invalid version: {version}")
        catch_up(self._directory)
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
        own_bin = _OWN_BINS.get("/".join(segments[:_OWN_BIN_SEGMENTS]))
        if own_bin is not None:
            return self._bin.own(request, app, own_bin, segments[_OWN_BIN_SEGMENTS:])
        if segments == ["directoryObjects", "getByIds"]:
            return self._by_ids(request, app)
        if segments == ["invitations"]:
            return invite(self._directory, request, app)
        if len(segments) == 2 and segments[0] == "directoryObjects":
            return self._any(request, app, segments[1])
        alternate = _ALTERNATE_KEY.fullmatch(segments[0]) if segments else None
        if alternate and (alternate[1], alternate[2]) in _ALTERNATE_KEYS:
            return self._by_key(request, app, KINDS[alternate[1]], alternate[2], alternate[3], segments[1:])
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
        if len(tail) == 2 and request.method in ("POST", "PUT") and kind in RULES and tail[1] in RULES[kind].actions:
            return self._act(request, app, kind, *tail)
        licensed(self._directory, kind)
        if kind is ORGANIZATION and tail[1] == BRANDING.name:
            return self._branding.answer(request, app, tail[0], tail[2:])
        return self._related.answer(request, app, kind, tail)

    def _act(self, request: Request, app: App, kind: Kind, id: str, name: str) -> Answer:
        action = RULES[kind].actions[name]
        allow_action(app, kind, name)
        stored = self._directory.reachable(kind, id)
        if stored is None:
            raise RULES[kind].missing(id)
        return action(Call(self._directory, app, request, kind, id, stored))

    def _collection(self, request: Request, app: App, kind: Kind) -> Answer:
        if request.method == "GET":
            self._allow(app, kind, writes=False)
            expand = parsed(request, kind, filters="values", expands=True).expand
            if expand:
                allow_related(app, kind, expand.relation, writes=False)
            return self._listings.collection(request, kind, hidden_from(app, kind))
        if request.method == "POST" and kind in RULES and not kind.singleton:
            self._allow(app, kind, writes=True)
            return self._tying.grant(request) if kind is GRANTS else self._objects.create(request, app, Place(kind))
        raise not_allowed()

    def _count(self, request: Request, app: App, kind: Kind) -> Answer:
        only(request, "GET")
        self._allow(app, kind, writes=False)
        return counted(request, lambda: self._listings.count(request, kind))

    def _one(self, request: Request, app: App, kind: Kind, id: str) -> Answer:
        self._allow(app, kind, writes=request.method != "GET", removes=request.method == "DELETE")
        key = id
        if kind is USERS and "@" in id:
            key = self._user_named(id) or id
        if request.method == "GET":
            return self._read(request, kind, key)
        if request.method == "PATCH":
            return self._objects.update(request, app, Place(kind), key)
        if request.method == "PUT" and kind in RULES and RULES[kind].replaces:
            return self._objects.replace(request, app, Place(kind), key)
        if request.method == "DELETE" and not kind.singleton:
            return self._objects.delete(app, Place(kind), key)
        raise not_allowed()

    def _read(self, request: Request, kind: Kind, key: str) -> Answer:
        options = parsed(request, kind, expands=True)
        stored = readable(self._directory, kind, key)
        if stored is None:
            raise RULES[kind].missing(key) if kind in RULES else missing(key)
        text = inlined(self._directory, kind, key, stored, options)
        if options.expand:
            text = expanded(self._directory, kind, key, text, options.expand)
        return entity(request, kind.path, text)

    def _user_named(self, name: str) -> str | None:
        """Return the id of the live user with this userPrincipalName, or None."""
        users = self._directory.with_value(USERS, "userPrincipalName", name)
        return next((key for key, stored in users if stored.state is State.LIVE), None)

    def _by_key(self, request: Request, app: App, kind: Kind, name: str, value: str, rest: list[str]) -> Answer:
        """Answer a request that names an object by an alternate key, such as `applications(appId='…')`."""
        if request.method == "PATCH" and not rest and (kind.path, name) in _UPSERTS:
            self._allow(app, kind, writes=True)
            return self._objects.upsert(request, app, kind, name, value)
        live = (key for key, stored in self._directory.with_value(kind, name, value) if stored.state is State.LIVE)
        return self._kind(request, app, kind, [next(live, value), *rest])

    def _allow(self, app: App, kind: Kind, writes: bool, removes: bool = False) -> None:
        allow(app, kind, writes, removes)
        licensed(self._directory, kind)

    # -- objects of every kind

    def _any(self, request: Request, app: App, id: str) -> Answer:
        only(request, "GET")
        match = any_readable(self._directory, id)
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
        matches = [match for match in (any_readable(self._directory, each) for each in ids) if match is not None]
        values = [
            raw_json.before(
                shown(kind, stored, None), raw_json.written("@odata.type", json.dumps(kind.odata_type).encode())
            )
            for kind, stored in matches
        ]
        version = request.path.split("/")[1]
        head = f'{{"@odata.context":"{request.origin}/{version}/$metadata#directoryObjects","value":['
        return odata(head.encode() + b",".join(values) + b"]}", request)
