"""Ceremonies: a browser goes to an authenticator or to the sign-in provider, and comes back with an answer.

Everything that an answer must match is derived from a seed, which the answer carries, and from a random value in a cookie of
the browser. So an answer counts in the browser that asked, SQL has a hash alone, and two tabs do not disturb each other.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from console.web.auth.who import ATTRIBUTES
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from console.web.page import Ask

COOKIE = "__Host-entrakeep-browser"
_BYTES = 32


@dataclass(frozen=True)
class Ceremony:
    """One way to an authenticator or provider and back."""

    seed: str
    """Random, in URLs and forms. Worth nothing without the cookie. It is the ``state`` of OpenID Connect."""
    browser: str
    """The value of the cookie."""

    def derived(self, use: str) -> bytes:
        """Return 32 bytes for one use, which nobody can compute without the cookie."""
        return hmac.digest(self.browser.encode(), f"{use} {self.seed}".encode(), hashlib.sha256)

    @property
    def challenge(self) -> bytes:
        """Return what a passkey signs."""
        return self.derived("challenge")

    @property
    def nonce(self) -> str:
        """Return the nonce that the provider's ID token must have."""
        return self.derived("nonce").hex()

    @property
    def verifier(self) -> str:
        """Return the PKCE verifier."""
        return base64.urlsafe_b64encode(self.derived("verifier")).rstrip(b"=").decode()

    @property
    def hash(self) -> str:
        """Return what SQL stores."""
        return hashlib.sha256(self.derived("row")).hexdigest()


def begin(ask: "Ask", purpose: str, **detail: str) -> Ceremony:
    """Begin a ceremony for one purpose. ``detail`` is kept until the answer, at the server."""
    browser = ask.request.cookies.get(COOKIE, "")
    if len(browser) != len(_random()):
        browser = _random()
        ask.headers.append(("set-cookie", f"{COOKIE}={browser}; {ATTRIBUTES}"))
    ceremony = Ceremony(_random(), browser)
    lasts = timedelta(seconds=ask.front.limits.ceremony_seconds)
    ask.catalog.challenges().keep(ceremony.hash, purpose, detail, lasts)
    return ceremony


def answered(ask: "Ask", purpose: str, seed: str) -> tuple[Ceremony, Mapping[str, str]]:
    """Return the ceremony that this browser began for the purpose, with its detail. It counts once.

    Raise Refuse ``NOT_SIGNED_IN`` if there is none.
    """
    ceremony = Ceremony(seed, ask.request.cookies.get(COOKIE, ""))
    detail = ask.catalog.challenges().take(ceremony.hash, purpose)
    if detail is None:
        raise Refuse(Code.NOT_SIGNED_IN, _STALE)
    return ceremony, detail


def forget(ask: "Ask") -> None:
    """Remove the browser's cookie once its ceremonies have served."""
    ask.headers.append(("set-cookie", f"{COOKIE}=; {ATTRIBUTES}; Max-Age=0"))


def _random() -> str:
    return secrets.token_urlsafe(_BYTES)


_STALE = "This answer was used already, took more than ten minutes, or belongs to another browser. Begin again."
