"""The control addresses under `/_sim`, listed in docs/simulator.md."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs

from simulator.graph import assertions, changes, faults, raw_json
from simulator.graph.answers import Answer, Request, document
from simulator.graph.apps import App, Apps
from simulator.graph.delta import Delta
from simulator.graph.directory import Directory
from simulator.graph.entries import habits
from simulator.graph.faults import Faults
from simulator.graph.kinds import LICENCES, split
from simulator.graph.lag import seconds
from simulator.graph.quotas import Quotas
from simulator.graph.sign_in.bad_tokens import BadTokens
from simulator.graph.sign_in.people import People

_CHUNK_BYTES = 1 << 20
_APP_FIELDS = {"client_id", "secret", "certificate", "permissions", "redirect_uris"}


@dataclass
class SigningIn:
    """Who can sign in to a directory, and what is wrong with the next ID tokens."""

    apps: Apps
    people: People
    bad_tokens: BadTokens


class Control:
    """The handler of `/_sim`. Invalid input gives status 400 with one sentence."""

    def __init__(
        self, directory: Directory, signing_in: SigningIn, faults: Faults, delta: Delta, quotas: Quotas
    ) -> None:
        self._directory = directory
        self._signing_in = signing_in
        self._faults = faults
        self._delta = delta
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("POST", "apps"): self._app,
            ("POST", "people"): self._person,
            ("GET", "people"): lambda _: document(signing_in.people.document()),
            ("POST", "tokens"): self._bad_token,
            ("GET", "tokens"): lambda _: document(signing_in.bad_tokens.document()),
            ("POST", "licences"): self._licences,
            ("POST", "clock"): self._clock,
            ("POST", "changes"): self._changes,
            ("GET", "objects"): self._objects,
            ("GET", "requests"): lambda _: self._requests(),
            ("POST", "reset-counters"): lambda _: self._reset(),
            ("POST", "faults"): self._add_faults,
            ("GET", "faults"): lambda _: document(self._faults.listing()),
            ("DELETE", "faults"): lambda _: self._clear_faults(),
            ("GET", "quotas"): lambda _: document(quotas.document()),
            ("POST", "quotas"): self._limit_objects,
            ("GET", "delta"): lambda _: self._show_habits(),
            ("POST", "delta"): self._set_habits,
            ("GET", "lag"): lambda _: document(asdict(directory.lag.seconds)),
            ("POST", "lag"): self._set_lag,
            ("GET", "quirks"): lambda _: document(directory.quirks.document()),
            ("POST", "quirks"): self._set_quirks,
            ("GET", "created"): lambda _: document(directory.created.document()),
        }

    def count(self, method: str, path: str, status: int) -> None:
        """Count one request to Graph. Status 0 means that it got no answer."""
        self._counts[method, path, status] += 1

    def answer(self, request: Request) -> Answer:
        """Answer a control request: 400 for invalid input, 404 for an unknown address."""
        name = request.path.removeprefix("/_sim/").strip("/")
        route = self._routes.get((request.method, name))
        if route is None:
            return wrong(f"there is no {request.method} /_sim/{name}", 404)
        try:
            return route(request)
        except ValueError as error:
            return wrong(str(error), 400)

    def _app(self, request: Request) -> Answer:
        fields = given_object(request)
        unknown = set(fields) - _APP_FIELDS
        if unknown:
            raise ValueError(f"an app has no {min(unknown)}")
        client, secret, pem = fields.get("client_id"), fields.get("secret"), fields.get("certificate")
        permissions, redirects = fields.get("permissions"), fields.get("redirect_uris", [])
        certificate = assertions.certificate(pem) if isinstance(pem, str) else None
        if not isinstance(client, str) or not isinstance(permissions, list):
            raise ValueError("an app needs client_id and permissions, a list")
        if not isinstance(redirects, list):
            raise ValueError("redirect_uris are a list")
        if not isinstance(secret, str | None) or (secret is None and certificate is None):
            raise ValueError("an app needs a secret or a certificate, both text")
        granted, returns = frozenset(map(str, permissions)), frozenset(map(str, redirects))
        self._signing_in.apps.register(App(client, secret, granted, certificate, returns))
        return document({})

    def _person(self, request: Request) -> Answer:
        return document(asdict(self._signing_in.people.add(given_object(request))))

    def _bad_token(self, request: Request) -> Answer:
        self._signing_in.bad_tokens.add(given_object(request))
        return document(self._signing_in.bad_tokens.document())

    def _licences(self, request: Request) -> Answer:
        licences = raw_json.valid(request.body)
        if not isinstance(licences, list) or set(map(str, licences)) - set(LICENCES):
            raise ValueError(f"licences are a list of names among {', '.join(LICENCES)}")
        self._directory.licences = frozenset(licences)
        return document({})

    def _clock(self, request: Request) -> Answer:
        days = given_object(request).get("advance_days")
        if isinstance(days, bool) or not isinstance(days, int | float) or days < 0:
            raise ValueError("advance_days is a number that is not negative")
        self._directory.clock.advance(days)
        return document({"now": self._directory.clock.text()})

    def _changes(self, request: Request) -> Answer:
        raw_json.valid(request.body)
        requested = [changes.parsed(element) for element in raw_json.elements(request.body)]
        for number, change in enumerate(requested):
            try:
                changes.apply(self._directory, change)
            except ValueError as error:
                raise ValueError(f"change {number} (those before it are done): {error}") from None
        return document({"changes": len(requested)})

    def _objects(self, request: Request) -> Answer:
        path = parse_qs(request.query).get("path", [""])[0]
        parts = split(path)
        relation = parts[0].relation(parts[1][1]) if parts and len(parts[1]) == 2 else None
        if parts is None or len(parts[1]) > 2 or (len(parts[1]) == 2 and relation is None):
            raise ValueError(f"there is nothing at {path}")
        kind, tail = parts
        if relation is not None and relation.content is not None:
            owned = self._directory.referrers(relation.content, relation.owner_property, tail[0])
            values = (stored.value for _, stored in owned)
        elif relation is not None:
            values = (value for _, value in self._directory.existing_links(kind, tail[0], relation))
        elif tail:
            stored = self._directory.live(kind, tail[0])
            values = (value for value in ([stored.value] if stored else []))
        else:
            values = (stored.value for _, stored in self._directory.walk(kind))
        return Answer(200, content_type="application/jsonl", stream=_lines(values))

    def _requests(self) -> Answer:
        return document(
            [
                {"method": method, "path": path, "status": status, "count": count}
                for (method, path, status), count in sorted(self._counts.items())
            ]
        )

    def _reset(self) -> Answer:
        self._counts.clear()
        self._directory.created.clear()
        return document({})

    def _add_faults(self, request: Request) -> Answer:
        posted = raw_json.valid(request.body)
        if not isinstance(posted, list):
            raise ValueError("faults are a list")
        self._faults.add([faults.parsed(fault) for fault in posted])
        return document({})

    def _clear_faults(self) -> Answer:
        self._faults.clear()
        return document({})

    def _limit_objects(self, request: Request) -> Answer:
        fields = given_object(request)
        limit = fields.get("objects")
        if set(fields) != {"objects"} or isinstance(limit, bool) or not isinstance(limit, int | None):
            raise ValueError("quotas have objects, a number or null")
        self._directory.object_limit = limit
        return document(fields)

    def _show_habits(self) -> Answer:
        return document(asdict(self._delta.habits))

    def _set_habits(self, request: Request) -> Answer:
        self._delta.habits = habits(self._delta.habits, given_object(request))
        return self._show_habits()

    def _set_lag(self, request: Request) -> Answer:
        self._directory.lag.seconds = seconds(self._directory.lag.seconds, given_object(request))
        return document(asdict(self._directory.lag.seconds))

    def _set_quirks(self, request: Request) -> Answer:
        self._directory.quirks.set(given_object(request))
        return document(self._directory.quirks.document())


def given_object(request: Request) -> dict[str, object]:
    """Return the JSON object in a request's body. Raises ValueError if the body is not one."""
    given = raw_json.valid(request.body)
    if not isinstance(given, dict):
        raise ValueError("a JSON object is expected")
    return given


def wrong(sentence: str, status: int) -> Answer:
    """Return the error answer of a control address."""
    return document({"error": {"code": "SimulatorControl", "message": sentence}}, status)


def _lines(values: Iterator[bytes]) -> Iterator[bytes]:
    """Yield values, one per line, about a megabyte at a time. Line breaks between tokens become spaces."""
    lines: list[bytes] = []
    size = 0
    for value in values:
        lines.append(value.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
        size += len(value)
        if size >= _CHUNK_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)
