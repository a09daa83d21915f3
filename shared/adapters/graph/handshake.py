"""A TLS handshake that is cancelled closes its connection.

httpcore closes a connection whose handshake fails, but forgets one whose task is cancelled meanwhile, as the end of a lease
does: the socket would stay open until garbage is collected. (httpcore: the request extension "trace".)
"""

from typing import Any

import httpx


class _Watch:
    """Is told what becomes of the connection of one request."""

    def __init__(self) -> None:
        self._connected: Any = None
        """httpcore's ``AsyncNetworkStream``."""

    async def __call__(self, name: str, info: dict[str, Any]) -> None:
        if name.endswith("connect_tcp.complete"):
            self._connected = info["return_value"]
        elif name.endswith("start_tls.failed") and self._connected is not None:
            await self._connected.aclose()


async def close_if_cancelled(request: httpx.Request) -> None:
    """For the event hook "request" of an ``httpx.AsyncClient``."""
    request.extensions = {**request.extensions, "trace": _Watch()}
