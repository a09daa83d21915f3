"""The rules that each request and each answer obeys, before any page: hosts, origins, sizes and headers."""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/api/v1/"
"""Below this path programs send tokens."""
PROBES = frozenset({"/healthz", "/readyz"})
"""Paths that answer under any host name, because probes address machines and not names."""
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_OFF = (
    *("accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
    *("magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
)
_PERMISSIONS = ", ".join(
    ("publickey-credentials-create=(self)", "publickey-credentials-get=(self)", *(f"{each}=()" for each in _OFF))
)
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": _PERMISSIONS,
}
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Origin:
    """Where browsers find the console: scheme, host and port of ``ENTRAKEEP_WEB_URL``."""

    scheme: str
    host: str
    """Host and port as browsers send them: without the scheme's usual port."""

    @property
    def text(self) -> str:
        """Return the origin as browsers send it."""
        return f"{self.scheme}://{self.host}"

    @property
    def secure(self) -> bool:
        """Return True if browsers use TLS."""
        return self.scheme == "https"


def origin_of(url: str) -> Origin:
    """Return the origin of a URL."""
    parts = urlsplit(url)
    name = (parts.hostname or "").lower()
    name = f"[{name}]" if ":" in name else name
    usual = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return Origin(parts.scheme, f"{name}{port}")


def is_loopback(host: str) -> bool:
    """Return True if the name or address is of this machine alone."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def peer_allowed(networks: Collection[IPv4Network | IPv6Network], client: tuple[str, int] | None) -> bool:
    """Return True if a connection without TLS may be answered: from this machine, or from one of the networks."""
    if client is None or is_loopback(client[0]):
        return True
    address = ipaddress.ip_address(client[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


def host_allowed(origin: Origin, host: str, path: str) -> bool:
    """Return True if a request with this Host header may be answered."""
    return path in PROBES or host.lower() == origin.host


def sent_from_here(origin: Origin, method: str, headers: Mapping[str, str]) -> bool:
    """Return True unless the request may change something and may come from another site.

    Browsers send Sec-Fetch-Site wherever cookies of ours exist. Older ones send at least Origin. A request with neither is
    refused, because nothing tells who sent it.
    """
    if method in SAFE_METHODS:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return headers.get("origin") == origin.text


def policy(nonce: str | None) -> str:
    """Return the Content-Security-Policy: for pages with scripts under this nonce, or None for pages without."""
    scripts = "'none'" if nonce is None else f"'self' 'nonce-{nonce}'"
    types = "'none'" if nonce is None else "htmx"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        f"require-trusted-types-for 'script'; trusted-types {types}"
    )


def headers_of_answer(origin: Origin) -> dict[str, str]:
    """Return the headers that each answer has, unless it sets them itself."""
    stricter = {"strict-transport-security": f"max-age={_YEAR_SECONDS}"} if origin.secure else {}
    return {**_ALWAYS, **stricter, "cache-control": "no-store", "content-security-policy": policy(None)}
