"""Why a server was not reached, in words of ours: what libraries say of it differs, and may hold anything."""

import socket
import ssl

_CHECK = "check ENTRAKEEP_GRAPH_URL, ENTRAKEEP_AUTHORITY_URL, HTTPS_PROXY if it is set, and the network"
_INNER = ("reason", "inner_exception")
"""Where urllib3 and azure keep the error that led to theirs."""


def reason(error: BaseException) -> str:
    """What keeps us from the server, from the errors that led to this one; as much as can be told."""
    found = list(_chain(error))
    for each in found:
        if isinstance(each, ssl.SSLCertVerificationError):
            whose = "the authority that made it, perhaps a proxy's"
            return f"its certificate is not trusted: name {whose}, in ENTRAKEEP_CA_BUNDLE"
    by_proxy = any(type(each).__name__ == "ProxyError" for each in found)  # httpx, httpcore and urllib3 have one each
    for each in found:
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
    """The error and all that it came from; libraries put the first one into an argument of the last."""
    found: list[BaseException] = []
    open_: list[BaseException | None] = [error]
    while open_ and len(found) < 50:
        each = open_.pop()
        if each is None or any(each is known for known in found):
            continue
        found.append(each)
        inner = [
            value
            for value in (*each.args, *(getattr(each, name, None) for name in _INNER))
            if isinstance(value, BaseException)
        ]
        open_ += [each.__cause__, each.__context__, *inner]
    return found
