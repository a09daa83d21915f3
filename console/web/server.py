"""The HTTP server of the console: uvicorn, set up for one small application behind a proxy or on loopback."""

import asyncio
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.web.app import make_app
from shared.domain.limits import LIMITS

if TYPE_CHECKING:
    from console.web.front import Front


class _Patient(H11Protocol):
    """HTTP that ends a connection if the head of its first request does not arrive in time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(LIMITS.web_head_seconds, self.timeout_keep_alive_handler)


def server_of(front: "Front") -> uvicorn.Server:
    """Return a server that listens where the settings say, once it runs."""
    settings, limits = front.settings, front.limits
    host, port = settings.web_address
    return uvicorn.Server(
        uvicorn.Config(
            make_app(front),
            host=host,
            port=port,
            http=_Patient,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=bool(settings.web_proxies),
            forwarded_allow_ips=settings.web_proxies,
            h11_max_incomplete_event_size=limits.web_head_bytes,
            limit_concurrency=limits.web_connections,
            timeout_keep_alive=limits.web_idle_seconds,
            timeout_graceful_shutdown=limits.web_last_seconds,
            ssl_certfile=settings.web_certificate,
            ssl_keyfile=settings.web_key,
        )
    )
