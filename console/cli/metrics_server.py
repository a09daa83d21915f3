"""Metrics over HTTP: ``/metrics``, computed for each request, and ``/healthcheck``."""

import signal
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from console.cli.output import note
from shared.domain.errors import EntrakeepError
from shared.domain.limits import LIMITS

_TEXT = "text/plain; charset=utf-8"


class MetricsServer(ThreadingHTTPServer):
    """A server that listens when it is created, and answers when it serves."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, host: str, port: int, metrics: Callable[[], bytes]) -> None:
        """Listen at the address. Raise OSError if that is not possible.

        ``metrics`` returns the text, or raises EntrakeepError.
        """
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.metrics = metrics
        self.one_at_a_time = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def address(self) -> str:
        """Return HOST:PORT. If port 0 was requested, this is the port that the system chose."""
        host, port = self.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def serve_until_ended(self) -> None:
        """Answer requests until SIGTERM or Ctrl-C."""
        # Another thread must shut the server down, because the signal interrupts the thread that serves.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self.shutdown).start())
        with self:
            self.serve_forever(poll_interval=0.2)

    def handle_error(self, *_: Any) -> None:
        """Ignore a client that disconnected."""


class _Handler(BaseHTTPRequestHandler):
    """The answers to requests."""

    timeout = LIMITS.scrape_seconds
    server: MetricsServer

    def version_string(self) -> str:
        """Return the name of the server, without versions of its parts."""
        return "entrakeep"

    def do_GET(self) -> None:
        """Answer a request by its path."""
        path = self.path.partition("?")[0]
        if path == "/healthcheck":
            self._answer(200, b"ok\n", _TEXT)
        elif path == "/metrics":
            self._metrics()
        else:
            self._answer(404, b"See /metrics.\n", _TEXT)

    def _metrics(self) -> None:
        """Answer with the metrics, or with 503 and the code if the catalog does not answer."""
        try:
            with self.server.one_at_a_time:
                text = self.server.metrics()
        except EntrakeepError as error:
            note(f"{error.code}: {error.message}")
            self._answer(503, f"{error.code}\n".encode(), _TEXT)
        else:
            self._answer(200, text, "text/plain; version=0.0.4; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log no requests, because they arrive every few seconds."""
