"""Verify ID tokens with joserfc: signature, audience, issuer, times and nonce (OpenID Connect Core 1.0, 3.1.3.7)."""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol, RSAKey

from shared.adapters.oidc.issuer import Issuer
from shared.domain.limits import LIMITS
from shared.ports.sign_in_provider import Fault, ProviderAsk, ProviderRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by private keys. Without ``none``, and without HMAC, whose key would be the provider's public one."""
_LONGEST_TOKEN = 64 * 1024


class ProviderKey(msgspec.Struct, frozen=True):
    """A key with which the provider signs tokens."""

    key: RSAKey | ECKey
    issuer: str | None
    """The issuer for which Microsoft publishes the key, or None."""


KeyById = Callable[[str | None], ProviderKey | None]


def verified(
    token: object, key_by_id: KeyById, issuer: Issuer, client_id: str, ask: ProviderAsk, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a valid ID token. Raise ProviderRefused."""
    claims, key = _signed(token, key_by_id)
    audience = claims.get("aud")
    parties = audience if isinstance(audience, list) else [audience]
    if client_id not in parties or (len(parties) > 1 and claims.get("azp") != client_id):
        raise ProviderRefused(Fault.AUDIENCE, _AUDIENCE)
    if not issuer.issued(claims, key.issuer):
        raise ProviderRefused(Fault.ISSUER, _ISSUER)
    _check_times(claims, now)
    if not hmac.compare_digest(str(claims.get("nonce")).encode(errors="replace"), ask.nonce.encode()):
        raise ProviderRefused(Fault.NONCE, _NONCE)
    if ask.fresh_since is not None:
        _check_fresh(claims, ask.fresh_since, issuer)
    return claims


def _signed(token: object, key_by_id: KeyById) -> tuple[Mapping[str, Any], ProviderKey]:
    """Return the claims and the key that signed them. Raise ProviderRefused."""
    used: list[ProviderKey] = []

    def chosen(signature: GuestProtocol) -> RSAKey | ECKey:
        kid = signature.headers().get("kid")
        key = key_by_id(kid if isinstance(kid, str) else None)
        if key is None:
            raise ProviderRefused(Fault.SIGNATURE, _SIGNATURE)
        used.append(key)
        return key.key

    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        raise ProviderRefused(Fault.UNEXPECTED, _NO_TOKEN)
    try:
        claims = jwt.decode(token, chosen, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise ProviderRefused(Fault.SIGNATURE, _SIGNATURE) from None
    return claims, used[-1]


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """Raise ProviderRefused for a token that is expired or of the future, beyond what clocks may differ."""
    moment, slack = now.timestamp(), LIMITS.provider_clock_seconds
    expiry, begin = _seconds(claims.get("exp")), _seconds(claims.get("nbf", 0))
    issued = _seconds(claims.get("iat"))
    if expiry is None or begin is None or issued is None:
        raise ProviderRefused(Fault.UNEXPECTED, _NO_TIMES)
    if max(begin, issued) > moment + slack:
        minutes = max(1, round((max(begin, issued) - moment) / 60))
        raise ProviderRefused(Fault.CLOCK, _FUTURE.format(minutes, "" if minutes == 1 else "s"))
    if expiry + slack <= moment:
        raise ProviderRefused(Fault.EXPIRED, _EXPIRED)


def _check_fresh(claims: Mapping[str, Any], since: datetime, issuer: Issuer) -> None:
    """Raise ProviderRefused unless the person has signed in at the provider after the time."""
    signed_in = _seconds(claims.get("auth_time"))
    if signed_in is None:
        raise ProviderRefused(Fault.NOT_FRESH, _NO_AUTH_TIME_ENTRA if issuer.is_entra else _NO_AUTH_TIME)
    if signed_in + LIMITS.provider_clock_seconds < since.timestamp():
        raise ProviderRefused(Fault.NOT_FRESH, _NOT_FRESH)


def _seconds(value: object) -> float | None:
    """Return a claim's time, or None if it is none. NaN compares to nothing, so it is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e11:
        return None
    return float(value)


_AGAIN = "Sign in again."
_SETTINGS = "An operator must check ENTRAKEEP_OIDC_ISSUER and ENTRAKEEP_OIDC_CLIENT_ID."
_NO_TOKEN = f"The sign-in provider sent no ID token. {_SETTINGS}"
_SIGNATURE = "The sign-in provider's token is not signed by one of its keys, so nobody is signed in. Sign in again."
_AUDIENCE = f"The sign-in provider's token is for another application. {_SETTINGS}"
_ISSUER = f"The sign-in provider's token is of another issuer or directory. {_SETTINGS}"
_NONCE = f"The sign-in provider's token belongs to another sign-in. {_AGAIN}"
_NO_TIMES = "The sign-in provider's token does not say when it was made and when it expires."
_EXPIRED = "The sign-in provider's token has expired. Sign in again; if that fails, this machine's clock is ahead."
_FUTURE = (
    "This machine's clock is {} minute{} behind the sign-in provider's. An operator must correct it; "
    "until then sign in with a passkey, or with a password and a code."
)
_NOT_FRESH = "The sign-in provider did not ask you to sign in again. Confirm again, and type your password there."
_NO_AUTH_TIME = (
    "The sign-in provider does not say when you signed in (auth_time), so it cannot confirm. Use another way."
)
_NO_AUTH_TIME_ENTRA = (
    "Microsoft does not say when you signed in, so it cannot confirm. Use another way. An operator can add the optional "
    "claim auth_time to the ID tokens of the app registration."
)
