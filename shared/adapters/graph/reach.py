"""The cause of a failed connection, in our own words: messages of libraries differ and may contain any text."""

import socket
import ssl

_CHECK = "check ENTRAKEEP_GRAPH_URL, ENTRAKEEP_AUTHORITY_URL, HTTPS_PROXY if it is set, and the network"
_INNER = ("reason", "inner_exception")
"""Attributes in which urllib3 and azure keep the error that caused theirs."""


def reason(error: BaseException) -> str:
    """Return the cause of a failed connection as a sentence's end, from this error and the errors that caused it.

    If the cause is unknown, name the type of the error.
    """
    errors = list(_chain(error))
    for each in errors:
        if isinstance(each, ssl.SSLCertVerificationError):
            authority = "the authority that made it, perhaps a proxy's"
            return f"its certificate is not trusted: name {authority}, in ENTRAKEEP_CA_BUNDLE"
    by_proxy = any(type(each).__name__ == "ProxyError" for each in errors)  # httpx, httpcore and urllib3 have one each
    for each in errors:
        if isinstance(each, socket.gaierror):
            return (
                "the proxy's name is not known: check HTTPS_PROXY" if by_proxy else f"its name is not known: {_CHECK}"
            )
        if isinstance(each, ConnectionRefusedError):
            return f"nobody listens {'at the proxy of HTTPS_PROXY' if by_proxy else 'there'}, or a firewall refuses"
        if isinstance(each, ssl.SSLError):
            return "the encrypted connection broke"
    if by_proxy:
        return "the proxy refuses: let the connection through, or give the proxy's user and password in HTTPS_PROXY"
    return f"it does not answer ({type(error).__name__})"


def _chain(error: BaseException | None) -> "list[BaseException]":
    """Return the error and the errors that caused it, 50 at most.

    Libraries put the first error into an argument of the last one.
    """
    errors: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending and len(errors) < 50:
        each = pending.pop()
        if each is None or any(each is known for known in errors):
            continue
        errors.append(each)
        inner = [
            value
            for value in (*each.args, *(getattr(each, name, None) for name in _INNER))
            if isinstance(value, BaseException)
        ]
        pending += [each.__cause__, each.__context__, *inner]
    return errors
