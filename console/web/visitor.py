"""Who sent a request: a person by the cookie of a sign-in, or nobody. Programs with tokens have the API."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.access import Action, Grant, may
from shared.domain.errors import EntrakeepError
from shared.domain.people import SEEN_EVERY, SignedIn
from shared.engine.access.sign_in import actor_of, hash_of

if TYPE_CHECKING:
    from shared.ports.catalog.database import Catalog

COOKIE = "__Host-entrakeep"
"""The cookie of a sign-in. The prefix makes browsers insist on Secure, on the path /, and on this very host."""


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """The sender of a request. ``signed_in`` is None for nobody."""

    now: datetime
    signed_in: SignedIn | None = None

    @property
    def actor(self) -> str:
        """Return the actor whom audit events name."""
        if self.signed_in is not None:
            return actor_of(self.signed_in.person)
        return "visitor"

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Return the person's grants, or nothing for a visitor who has not signed in."""
        return () if self.signed_in is None else self.signed_in.grants

    def may(self, action: Action, tenant_id: str | None = None) -> bool:
        """Return True if the visitor may do this in the tenant, or with None in the installation."""
        if action is Action.PUBLIC:
            return True
        if self.signed_in is None:
            return False
        return may(action, self.grants, tenant_id, self.now)

    def confirmed(self, now: datetime) -> bool:
        """Return True if the person has confirmed in the last minutes."""
        return self.signed_in is not None and self.signed_in.sign_in.confirmed(now)


def visitor_of(catalog: "Catalog", cookies: Mapping[str, str], now: datetime, *, by_itself: bool) -> Visitor:
    """Return who sends these cookies: one query, and once a minute a write that notes the use.

    ``by_itself`` is True for what a page asks for without its reader. That must not keep a sign-in from ending.
    """
    cookie = cookies.get(COOKIE)
    if not cookie:
        return Visitor(now=now)
    hashed = hash_of(cookie)
    signed_in = catalog.sign_ins().identify(hashed, now)
    if signed_in is not None and not by_itself and now - signed_in.sign_in.seen_at >= SEEN_EVERY:
        with contextlib.suppress(EntrakeepError):  # a full disk must not keep people from reading
            catalog.sign_ins().note_seen(hashed, now)
    return Visitor(now=now, signed_in=signed_in)
