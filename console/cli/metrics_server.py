"""Metrics over HTTP: ``/metrics``, made anew for each request, and ``/healthcheck``."""

import signal
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from console.cli.output import note
from shared.domain.errors import EntrakeepError

_TEXT = "text/plain; charset=utf-8"
_SECONDS = 10.0
"""How long a client may take to send its request."""


class MetricsServer(ThreadingHTTPServer):
    """Listens from the start; answers once it serves."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, host: str, port: int, metrics: Callable[[], bytes]) -> None:
        """``metrics`` makes the text, and raises EntrakeepError if it cannot. Raises OSError if nobody can listen there."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.metrics = metrics
        self.one_at_a_time = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def address(self) -> str:
        """HOST:PORT, with the port that was chosen where 0 was asked for."""
        host, port = self.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def serve_until_ended(self) -> None:
        """Answer requests until SIGTERM or Ctrl-C."""
        # Shut down by another thread: this one, which the signal interrupts, is the one that serves.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self.shutdown).start())
        with self:
            self.serve_forever(poll_interval=0.2)

    def handle_error(self, *_: Any) -> None:
        """Pass over a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS
    server: MetricsServer

    def version_string(self) -> str:
        return "entrakeep"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/healthcheck":
            self._answer(200, b"ok\n", _TEXT)
        elif path == "/metrics":
            self._metrics()
        else:
            self._answer(404, b"See /metrics.\n", _TEXT)

    def _metrics(self) -> None:
        try:
            with self.server.one_at_a_time:
                text = self.server.metrics()
        except EntrakeepError as error:
            note(f"{error.code}: {error.message}")
            self._answer(503, f"{error.code}\n".encode(), _TEXT)
        else:
            self._answer(200, text, "text/plain; version=0.0.4; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log no requests: they come every few seconds."""
