"""Whose ID tokens count, and whom they identify.

Microsoft Entra issues tokens of many directories under one address. There, a person is the pair of directory (``tid``) and
object (``oid``), and the issuer must be that of the token's own directory. Elsewhere a person is issuer and subject.
E-mail addresses and names are never looked at, because others may change them. (Microsoft identity platform, "ID token claims
reference", "Claims validation".)
"""

import re
from collections.abc import Mapping
from typing import Any

from shared.domain.people import Identity
from shared.ports.sign_in_provider import Fault, ProviderRefused

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENTRA = re.compile(rf"(?P<cloud>https://[^/]+)/(?P<directory>organizations|common|{_GUID.pattern})/v2\.0")
_LONGEST = 255


class Issuer:
    """The issuer in the settings."""

    def __init__(self, url: str) -> None:
        """Take the URL before ``/.well-known/openid-configuration``."""
        self.url = url.rstrip("/")
        entra = _ENTRA.fullmatch(self.url)
        self._cloud = entra["cloud"] if entra else None
        self._directory = entra["directory"] if entra and _GUID.fullmatch(entra["directory"]) else None

    @property
    def is_entra(self) -> bool:
        """Return True for Microsoft Entra."""
        return self._cloud is not None

    def described_by(self, document_issuer: object) -> bool:
        """Return True if a provider's document with this ``issuer`` is that of the settings."""
        if self.is_entra and self._directory is None:
            return document_issuer == f"{self._cloud}/{{tenantid}}/v2.0"
        return document_issuer == self.url

    def issued(self, claims: Mapping[str, Any], key_issuer: str | None) -> bool:
        """Return True if the claims name this issuer, and the issuer for which the signing key is published, if any."""
        expected = self.url
        if self.is_entra:
            directory = _guid(claims, "tid")
            if directory is None or self._directory not in (None, directory):
                return False
            expected = f"{self._cloud}/{directory}/v2.0"
            if key_issuer is not None and key_issuer.replace("{tenantid}", directory) != expected:
                return False
        return claims.get("iss") == expected

    def identity(self, claims: Mapping[str, Any]) -> Identity:
        """Return whom the claims mean. Raise ProviderRefused if the ids are missing."""
        if self.is_entra:
            authority, subject = _guid(claims, "tid"), _guid(claims, "oid")
        else:
            authority, subject = self.url, claims.get("sub")
        if authority is None or not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST:
            raise ProviderRefused(Fault.IDENTITY, _NO_IDS)
        return Identity(authority=authority, subject=subject)


def _guid(claims: Mapping[str, Any], name: str) -> str | None:
    """Return the GUID in the claim, or None if there is none."""
    value = claims.get(name)
    return value if isinstance(value, str) and _GUID.fullmatch(value) else None


_NO_IDS = "The sign-in provider's token does not say who signed in: it lacks the ids of the person and the directory."
