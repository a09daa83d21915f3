"""Delta rounds (Graph: "Use delta query to track changes in Microsoft Graph data").

A token names the collection, the `$select`, the range of the log, and the progress of the round. A first round visits all
positions and reads each object when its page is made. It ends with a link from the end of the log at the start of the round,
so that later changes appear (again) in the next round. A later round shows the current state of the objects that its range of
the log has changed. Tokens are valid for seven days of the simulated clock. After that the answer is 410 with the link to a
new round.

The module `entries` divides rounds into pages and entries.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from simulator.graph.answers import Answer, Refused, Request, bad_request, odata, unsupported
from simulator.graph.directory import Directory
from simulator.graph.entries import Entry, Habits, Reader, Shape, Touched
from simulator.graph.kinds import GROUPS, USERS, Kind
from simulator.graph.options import parsed

_LIFETIME = 7 * 86400
_FIRST = -1
_MAX_FILTER_IDS = 50
_ROUNDS_KEPT = 8


class Round(NamedTuple):
    """A round of delta queries and the position in it, as a next or delta link's token states them."""

    path: str
    """The path of the kind."""
    shape: int
    """The number of the round's selection."""
    since: int
    """The position in the log after which the round starts; -1 in a first round."""
    upto: int
    """The position in the log at which the round ends."""
    position: int
    """The next position, id or changed object of the round."""
    offset: int
    """The next link of that object."""
    issued: int
    """Seconds since 1970 of the simulated clock."""


class Delta:
    """The handler of `/users/delta`, `/groups/delta` and the other delta functions."""

    def __init__(self, directory: Directory) -> None:
        self.habits = Habits()
        self._directory = directory
        self._key = secrets.token_bytes(32)
        self._shapes: list[Shape] = []
        self._numbers: dict[Shape, int] = {}
        # Every page of a round reads the same range of the log, which never changes.
        self._changes = lru_cache(maxsize=_ROUNDS_KEPT)(self._log)

    # -- tokens

    def _token(self, state: Round) -> str:
        """Return a token that contains `%2B`, as Graph's tokens do: a client that decodes links fails here."""
        text = json.dumps(state, separators=(",", ":")).encode()
        mac = hmac.new(self._key, text, hashlib.sha256).digest()[:9]
        return "A%2B" + base64.b64encode(mac + text, altchars=b"-_").decode().rstrip("=")

    def _round(self, token: str, kind: Kind, delta_url: str) -> Round:
        try:
            raw = base64.b64decode(_padded(token.removeprefix("A+")), altchars=b"-_", validate=True)
            if not hmac.compare_digest(hmac.new(self._key, raw[9:], hashlib.sha256).digest()[:9], raw[:9]):
                raise ValueError
            state = Round(*json.loads(raw[9:]))
        except (ValueError, TypeError):
            raise bad_request("Badly formed token.") from None
        if state.path != kind.path:
            raise bad_request("Badly formed token.")
        if self._directory.clock.now() - state.issued > _LIFETIME:
            raise Refused(
                410,
                "syncStateNotFound",
                "The sync state generation is not found; the token is expired. Start over with a full synchronization.",
                {"Location": f"{delta_url}?$deltatoken="},
            )
        return state

    def _shape(self, shape: Shape) -> int:
        if shape not in self._numbers:
            self._numbers[shape] = len(self._shapes)
            self._shapes.append(shape)
        return self._numbers[shape]

    def _log(self, kind: Kind, shape: int, since: int, upto: int) -> list[tuple[str, Touched]]:
        return Reader(self._directory, self.habits, kind, self._shapes[shape]).changes(since, upto)

    # -- answering

    def answer(self, request: Request, kind: Kind) -> Answer:
        """Return one page of a round. Raises Refused: an unknown (400) or expired (410) token, invalid options."""
        version = request.path.split("/")[1]
        delta_url = f"{request.origin}/{version}/{kind.path}/delta"
        options = parsed(request, kind, filters="ids")
        if options.ids is not None and len(options.ids) > _MAX_FILTER_IDS and kind in (USERS, GROUPS):
            raise unsupported(f"At most {_MAX_FILTER_IDS} objects can be filtered by id in delta.")
        now = int(self._directory.clock.now())
        if options.delta_token == "latest":
            state = Round(kind.path, self._shape(Shape(options.select, options.ids)), 0, self._upto(), 0, 0, now)
            return self._page(request, delta_url, state, [], None)
        token = options.token or options.delta_token
        if token:
            state = self._round(token, kind, delta_url)
            if options.delta_token:
                state = state._replace(upto=max(state.since, self._upto()), issued=now)
        else:
            shape = self._shape(Shape(options.select, options.ids))
            state = Round(kind.path, shape, _FIRST, self._upto(), 0, 0, now)
        minimal = "return=minimal" in request.headers.get("prefer", "").replace(" ", "").lower()
        entries, rest = self._entries(kind, state, minimal)
        return self._page(request, delta_url, state, entries, rest)

    def _upto(self) -> int:
        """Return the position in the log up to which delta sees changes."""
        return self._directory.log.sequence_before(self._directory.lag.seconds.list)

    def _page(self, request: Request, delta_url: str, state: Round, entries: list[bytes], rest: Round | None) -> Answer:
        if rest is None:
            next_round = state._replace(since=state.upto, position=0, offset=0)
            link = f'"@odata.deltaLink":"{delta_url}?$deltatoken={self._token(next_round)}"'
        else:
            link = f'"@odata.nextLink":"{delta_url}?$skiptoken={self._token(rest)}"'
        context = f'"@odata.context":"{delta_url.removesuffix(f"/{state.path}/delta")}/$metadata#{state.path}",'
        head = "{" + (context if request.metadata else "") + link + ',"value":['
        return odata(head.encode() + b",".join(entries) + b"]}", request)

    def _entries(self, kind: Kind, state: Round, minimal: bool) -> tuple[list[bytes], Round | None]:
        """Return the entries of one page, and the rest of the round, or None if the round is complete."""
        shape = self._shapes[state.shape]
        reader = Reader(self._directory, self.habits, kind, shape)
        if state.since == _FIRST:
            total = self._directory.slots(kind) if shape.ids is None else len(shape.ids)
            entry: Callable[[int, int], Entry | None] = reader.first
        else:
            changes = self._changes(kind, state.shape, max(0, state.since - self.habits.replay), state.upto)
            total = len(changes)
            entry = partial(reader.changed, changes, minimal)

        entries: list[bytes] = []
        position, offset = state.position, state.offset
        if self.habits.repeat and state.since == _FIRST and position and not offset:
            repeated = entry(position - 1, 0)
            entries += [repeated.text] if repeated else []
        limit = len(entries) + self.habits.page_size  # the repeated entry must not reduce the number of new ones
        while position < total and len(entries) < limit:
            made = entry(position, offset)
            if made is not None:
                entries.append(made.text)
                offset = made.next_offset
                if offset:
                    break
            position += 1
            offset = 0
        if position >= total:
            return entries, None
        return entries, state._replace(position=position, offset=offset)


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
