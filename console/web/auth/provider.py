"""The sign-in provider: to it and back, for a sign-in, a confirmation, an invitation, or a further way to sign in.

The provider sends browsers back to one address alone, so that one address is registered there. What the answer is for was
stored when the browser left.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.auth import ceremony, confirm, invitation, sign_in, who
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity
from shared.engine.access import confirm as proofs
from shared.engine.access import invitations
from shared.engine.access import sign_in as access
from shared.ports.sign_in_provider import ProviderAsk, ProviderRefused, SignInProvider

if TYPE_CHECKING:
    from console.web.page import Ask

RETURN = "/sign-in/return"
_PURPOSE = "provider"
_WORDS = frozenset(
    {"access_denied", "login_required", "interaction_required", "consent_required", "temporarily_unavailable"}
)
"""Errors of OpenID Connect that are shown. Others may be any text."""


def to_sign_in(ask: "Ask") -> Page | Response:
    """Send the browser to the provider to sign in."""
    return _leave(ask, "sign-in", back=ask.query.text("return"))


def to_confirm(ask: "Ask") -> Page | Response:
    """Send the browser to the provider to prove again who the person is."""
    return _leave(ask, "confirm")


def to_add(ask: "Ask") -> Page | Response:
    """Send the browser to the provider, so that the person can sign in through it from now on."""
    if not ask.visitor.confirmed(ask.now):
        return confirm.page(ask)
    return _leave(ask, "add")


def to_accept(ask: "Ask") -> Page | Response:
    """Send the browser to the provider with the invitation that it was shown."""
    try:
        _, detail = ceremony.answered(ask, invitation.SHOWN, ask.query.text("seed"))
    except Refuse as error:
        return invitation.refused(ask, error)
    return _leave(ask, "accept", invitation=detail["invitation"])


def returned(ask: "Ask") -> Page | Response:
    """Take the provider's answer for what the browser left for."""
    purpose = ""
    try:
        current, detail = ceremony.answered(ask, _PURPOSE, ask.query.text("state"))
        purpose = detail["for"]
        return _accepted(ask, purpose, detail, _identity(ask, current, detail))
    except Refuse as error:
        return _refused(ask, purpose, error)


def _leave(ask: "Ask", purpose: str, **detail: str) -> Page | Response:
    """Send the browser to the provider, or show why that is not possible now."""
    try:
        provider = _provider(ask)
        kept = {"for": purpose, "begun": ask.now.isoformat(), **detail}
        current = ceremony.begin(ask, _PURPOSE, **kept)
        return RedirectResponse(provider.authorize_url(_sent(ask, current, kept)), 302)
    except ProviderRefused as error:
        return _refused(ask, purpose, Refuse(Code.NOT_SIGNED_IN, str(error)))
    except Refuse as error:
        return _refused(ask, purpose, error)


def _identity(ask: "Ask", current: ceremony.Ceremony, detail: Mapping[str, str]) -> Identity:
    """Return whom the provider's answer means. Raise Refuse ``NOT_SIGNED_IN``."""
    provider = _provider(ask)
    error, code = ask.query.text("error"), ask.query.text("code")
    if error or not code:
        word = f" ({error})" if error in _WORDS else ""
        raise Refuse(Code.NOT_SIGNED_IN, f"{provider.name} did not sign you in{word}. Try again, or use another way.")
    try:
        return provider.identify(_sent(ask, current, detail), code, ask.now)
    except ProviderRefused as refusal:
        raise Refuse(Code.NOT_SIGNED_IN, str(refusal)) from None


def _accepted(ask: "Ask", purpose: str, detail: Mapping[str, str], identity: Identity) -> Page | Response:
    """Do what the browser left for. Raise Refuse."""
    signed_in = ask.visitor.signed_in
    if purpose == "sign-in":
        started = access.by_identity(ask.catalog, identity, who.origin_of(ask), ask.now)
        return sign_in.entered(ask, started, detail["back"])
    if purpose == "accept":
        started = invitations.accept_hashed(ask.catalog, detail["invitation"], identity, who.origin_of(ask), ask.now)
        return sign_in.entered(ask, started, "/")
    if signed_in is None:
        raise Refuse(Code.NOT_SIGNED_IN, "Your sign-in has ended meanwhile.")
    if purpose == "confirm":
        proofs.check_identity(ask.catalog, signed_in, identity)
        confirm.renew(ask)
        return Page(template="auth/confirmed.html")
    ask.catalog.ways().add(signed_in.person.person_id, identity)
    return RedirectResponse("/me", 303)


def _refused(ask: "Ask", purpose: str, error: Refuse) -> Page | Response:
    """Show a refusal where the person can try again or use another way."""
    if purpose == "accept":
        return invitation.refused(ask, error)
    if purpose in ("confirm", "add") and ask.visitor.signed_in is not None and error.code is Code.NOT_SIGNED_IN:
        return confirm.page(ask, problem=error.message)
    return sign_in.refused(ask, error)


def _provider(ask: "Ask") -> SignInProvider:
    """Return the provider. Raise Refuse ``NOT_SIGNED_IN`` if there is none."""
    if ask.front.provider is None:
        raise Refuse(Code.NOT_SIGNED_IN, "This console has no sign-in provider. Use another way.")
    return ask.front.provider


def _sent(ask: "Ask", current: ceremony.Ceremony, detail: Mapping[str, str]) -> ProviderAsk:
    """Return what is sent to the provider, and expected in its answer."""
    fresh = datetime.fromisoformat(detail["begun"]) if detail["for"] == "confirm" else None
    return ProviderAsk(
        return_url=ask.front.settings.web_url + RETURN,
        state=current.seed,
        nonce=current.nonce,
        verifier=current.verifier,
        fresh_since=fresh,
    )
