"""SignInProvider: another service that signs people in (Microsoft Entra, or any OpenID Connect provider).

The caller keeps state, nonce and verifier for one browser, and uses them once.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from shared.domain.people import Identity


class Fault(StrEnum):
    """Why a provider's answer signs nobody in."""

    UNREACHABLE = "unreachable"
    """It did not answer, or too slowly."""
    UNEXPECTED = "unexpected"
    """Its answer is not OpenID Connect: an error page, another format, too much data."""
    REFUSED = "refused"
    """It does not sign this person in, or the person cancelled."""
    CLIENT = "client"
    """It rejects the console's own credential or address."""
    SIGNATURE = "signature"
    """The ID token is not signed by a key of the provider, with an algorithm that the console accepts."""
    ISSUER = "issuer"
    """The ID token is of another issuer or directory."""
    AUDIENCE = "audience"
    """The ID token is for another application."""
    NONCE = "nonce"
    """The ID token belongs to another sign-in."""
    EXPIRED = "expired"
    CLOCK = "clock"
    """The ID token is of the future: a clock is wrong."""
    IDENTITY = "identity"
    """The ID token lacks the ids that identify a person."""
    NOT_FRESH = "not-fresh"
    """The ID token does not prove that the person has signed in just now."""


class ProviderRefused(Exception):
    """The provider signs nobody in. The text is our own sentence: what is wrong and what to do, without the answer."""

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


class ProviderAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What one sign-in sends to the provider, and expects in its answer."""

    return_url: str
    """The URL of the console to which the provider sends the browser back."""
    state: str
    nonce: str
    verifier: str
    """The PKCE verifier: 43 to 128 unreserved characters."""
    fresh_since: datetime | None = None
    """The person must prove again who they are, after this time, even with a running session at the provider."""


class SignInProvider(Protocol):
    """The provider. Methods may be called from any thread, and block for seconds at most."""

    @property
    def name(self) -> str:
        """Return the provider's name for a button: ``Microsoft``, or the issuer's host."""

    def authorize_url(self, ask: ProviderAsk) -> str:
        """Return the URL at which the person signs in. Raise ``ProviderRefused``."""

    def identify(self, ask: ProviderAsk, code: str, now: datetime) -> Identity:
        """Exchange the code that came back, verify the ID token, and return whom it means. Raise ``ProviderRefused``."""
