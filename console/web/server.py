"""The HTTP server of the console: uvicorn, set up for one small application behind a proxy or on loopback."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.web.app import make_app

if TYPE_CHECKING:
    from console.web.front import Front


def patient_http(head_seconds: float) -> type[H11Protocol]:
    """Return the HTTP of a server that closes a connection whose next head does not arrive in time.

    uvicorn itself waits for ever for a head once its first byte has come.
    """

    class Patient(H11Protocol):
        _overdue: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._stop_waiting()
            elif self._overdue is None:
                self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait_for_head(self) -> None:
            self._overdue = self.loop.call_later(head_seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._overdue is not None:
                self._overdue.cancel()
                self._overdue = None

    return Patient


class QuietEnd(uvicorn.Server):
    """A server that ends with status 0 after SIGTERM and Ctrl-C. uvicorn itself would end by that signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let both signals end the server, in the main thread alone: others get none."""
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, self.handle_exit)
        yield


def server_of(front: "Front") -> uvicorn.Server:
    """Return a server that listens where the settings say, once it runs."""
    settings, limits = front.settings, front.limits
    host, port = settings.web_address
    return QuietEnd(
        uvicorn.Config(
            make_app(front),
            host=host,
            port=port,
            http=patient_http(limits.web_head_seconds),
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            # Without TLS the peer itself must be a proxy of ours, which the guard checks.
            proxy_headers=bool(settings.web_proxies) and settings.web_url.startswith("https:"),
            forwarded_allow_ips=settings.web_proxies,
            h11_max_incomplete_event_size=limits.web_head_bytes,
            limit_concurrency=limits.web_connections,
            timeout_keep_alive=limits.web_idle_seconds,
            timeout_graceful_shutdown=limits.web_last_seconds,
            ssl_certfile=settings.web_certificate,
            ssl_keyfile=settings.web_key,
        )
    )
