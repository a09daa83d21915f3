"""Delta rounds (Graph: "Use delta query to track changes in Microsoft Graph data").

A token says which collection, which `$select`, from which entry of the log to which, and how far the round has come. A first
round walks over all places and reads each object as it is when its page is made; it ends in a link from where the log stood
when the round began, so that whatever happened meanwhile comes (again) in the next round. A later round shows what the log
touched, as it is now. Tokens live seven days of the simulated clock; then 410 with the way to a fresh round.

How rounds are cut into pages and entries stands in `entries`.
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
_MOST_FILTERED = 50
_ROUNDS_KEPT = 8


class Round(NamedTuple):
    """One token's content. `since` is -1 in a first round; `position` counts places, ids or touched objects."""

    path: str
    shape: int
    since: int
    upto: int
    position: int
    offset: int
    issued: int


class Delta:
    """Answers `/users/delta`, `/groups/delta` and their like."""

    def __init__(self, directory: Directory) -> None:
        self.habits = Habits()
        self._directory = directory
        self._key = secrets.token_bytes(32)
        self._shapes: list[Shape] = []
        self._numbers: dict[Shape, int] = {}
        # What the log holds up to a place never changes, and every page of a round asks for the same.
        self._changes = lru_cache(maxsize=_ROUNDS_KEPT)(self._log)

    # -- tokens

    def _token(self, state: Round) -> str:
        """A token with `%2B` in it, as Graph's have: a client that decodes links breaks here."""
        text = json.dumps(state, separators=(",", ":")).encode()
        mac = hmac.new(self._key, text, hashlib.sha256).digest()[:9]
        return "A%2B" + base64.b64encode(mac + text, altchars=b"-_").decode().rstrip("=")

    def _round(self, token: str, kind: Kind, again: str) -> Round:
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
                {"Location": f"{again}?$deltatoken="},
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
        """One page of a round. Refused: a token that was never given (400) or is too old (410), wrong options."""
        version = request.path.split("/")[1]
        here = f"{request.origin}/{version}/{kind.path}/delta"
        options = parsed(request, kind, filters=True)
        if options.ids is not None and len(options.ids) > _MOST_FILTERED and kind in (USERS, GROUPS):
            raise unsupported(f"At most {_MOST_FILTERED} objects can be filtered by id in delta.")
        now = int(self._directory.clock.now())
        if options.delta_token == "latest":
            state = Round(
                kind.path, self._shape(Shape(options.select, options.ids)), 0, self._directory.sequence, 0, 0, now
            )
            return self._page(request, here, state, [], None)
        token = options.token or options.delta_token
        if token:
            state = self._round(token, kind, here)
            if options.delta_token:
                state = state._replace(upto=self._directory.sequence, issued=now)
        else:
            shape = self._shape(Shape(options.select, options.ids))
            state = Round(kind.path, shape, _FIRST, self._directory.sequence, 0, 0, now)
        minimal = "return=minimal" in request.headers.get("prefer", "").replace(" ", "").lower()
        entries, rest = self._entries(kind, state, minimal)
        return self._page(request, here, state, entries, rest)

    def _page(self, request: Request, here: str, state: Round, entries: list[bytes], rest: Round | None) -> Answer:
        if rest is None:
            next_round = state._replace(since=state.upto, position=0, offset=0)
            link = f'"@odata.deltaLink":"{here}?$deltatoken={self._token(next_round)}"'
        else:
            link = f'"@odata.nextLink":"{here}?$skiptoken={self._token(rest)}"'
        context = f'"@odata.context":"{here.removesuffix(f"/{state.path}/delta")}/$metadata#{state.path}",'
        head = "{" + (context if request.metadata else "") + link + ',"value":['
        return odata(head.encode() + b",".join(entries) + b"]}", request)

    def _entries(self, kind: Kind, state: Round, minimal: bool) -> tuple[list[bytes], Round | None]:
        """The entries of one page, and the round as it goes on, None if it is over."""
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
            again = entry(position - 1, 0)
            entries += [again.text] if again else []
        most = len(entries) + self.habits.page_size  # what comes again must not take the room of what goes on
        while position < total and len(entries) < most:
            made = entry(position, offset)
            if made is not None:
                entries.append(made.text)
                offset = made.goes_on
                if offset:
                    break
            position += 1
            offset = 0
        if position >= total:
            return entries, None
        return entries, state._replace(position=position, offset=offset)


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
