"""Closing the connection of a cancelled TLS handshake.

httpcore closes a connection whose handshake fails, but not one whose task is cancelled during the handshake. The end of a
lease cancels tasks. The socket would then stay open until garbage collection. (httpcore: the request extension "trace".)
"""

from typing import Any

import httpx


class _ConnectionTrace:
    """A receiver of httpcore's trace events about the connection of one request."""

    def __init__(self) -> None:
        self._connected: Any = None
        """httpcore's ``AsyncNetworkStream``."""

    async def __call__(self, name: str, info: dict[str, Any]) -> None:
        """Remember the connection, and close it if its TLS handshake fails or is cancelled."""
        if name.endswith("connect_tcp.complete"):
            self._connected = info["return_value"]
        elif name.endswith("start_tls.failed") and self._connected is not None:
            await self._connected.aclose()


async def close_if_cancelled(request: httpx.Request) -> None:
    """Trace the request's connection, to close it if its handshake is cancelled.

    This is for the event hook "request" of an ``httpx.AsyncClient``.
    """
    request.extensions = {**request.extensions, "trace": _ConnectionTrace()}
