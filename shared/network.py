"""Checks of the proxies and certificates that libraries read from the environment by themselves.

httpx, requests and botocore each read these variables. Each raises its own errors, at its first request, for a value
that it cannot use. All three can use a value that passes here.
"""

import ipaddress
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
_FOLDER = "SSL_CERT_DIR"
_NAMED = (*_PROXIES, "NO_PROXY")
VARIABLES = (*_NAMED, *(name.lower() for name in _NAMED), *_FILES, _FOLDER)
"""Every variable that is checked here. Our child processes get them."""

_PROXY = re.compile(r"https?://(?:[^@/?#\s]*@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?")
_UNPROXIED = re.compile(r"(?:https?://)?[A-Za-z0-9_.*-]+(?::[0-9]{1,5})?")
_LARGEST_PORT = 65535


def faults(environment: Mapping[str, str]) -> list[str]:
    """Return a phrase for each wrong variable: its name, and what to do.

    It shows no value of a proxy, because that may contain a password.
    """
    values = {name: environment[name] for name in VARIABLES if environment.get(name)}
    return [f"{name} {reason}" for name, reason in _faults(values)]


def _faults(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    valid = set()
    for name, value in values.items():
        reason = _reason(name.upper(), value)
        if reason is None:
            valid.add(name.upper())
        else:
            yield name, reason
    if "ALL_PROXY" in valid and not {"HTTPS_PROXY", "https_proxy"} & values.keys():
        yield "HTTPS_PROXY", "must be set to what ALL_PROXY is, as the AWS client does not read ALL_PROXY"


def _reason(name: str, value: str) -> str | None:
    if name in _PROXIES:
        return _proxy(value)
    if name == "NO_PROXY":
        return _unproxied(value)
    return _folder(value) if name == _FOLDER else _file(value, folders=name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))


def _proxy(value: str) -> str | None:
    if value.lower().startswith("socks"):
        return "names a SOCKS proxy, which the AWS client cannot use: name an HTTP proxy"
    match = _PROXY.fullmatch(value)
    if match is None or not 0 < int(match["port"] or 1) <= _LARGEST_PORT:
        return (
            "must be http://[USER:PASSWORD@]HOST:PORT, with '@', '/', '#' and '?' in a password written as %40, %2F, …"
        )
    return None


def _unproxied(value: str) -> str | None:
    for entry in filter(None, (part.strip() for part in value.split(","))):
        if not (_UNPROXIED.fullmatch(entry) or _address(entry)):
            return f"must be hosts and addresses, separated by commas; {entry!a} is neither"
    return None


def _address(entry: str) -> bool:
    """Return True for an address or an IPv4 network. httpx misreads an IPv6 network as a port."""
    try:
        if "/" in entry:
            ipaddress.IPv4Network(entry, strict=False)
        else:
            ipaddress.ip_address(entry)
    except ValueError:
        return False
    return True


def _file(value: str, *, folders: bool) -> str | None:
    if folders and Path(value).is_dir():
        return None
    try:
        ssl.create_default_context(cafile=value)
    except (OSError, ValueError):
        return f"names no file of certificates in PEM: {value!a}"
    return None


def _folder(value: str) -> str | None:
    return None if Path(value).is_dir() else f"names no folder: {value!a}"
