"""An HTTP gate before the simulated S3. It imitates stores that lack features, and networks that damage answers."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Headers = dict[str, str]


@dataclass
class Gate:
    """What the gate does to requests and answers.

    ``refuse`` returns status, code and message for a request that the gate rejects. ``ignore`` lists headers that the gate
    removes. ``spoil`` changes the body of an answer to a GET of a key; fewer bytes truncate it. ``read`` lists the keys
    that were read.
    """

    url: str = ""
    refuse: Callable[[str, Headers], tuple[int, str, str] | None] = lambda _method, _headers: None
    ignore: tuple[str, ...] = ()
    spoil: Callable[[str, bytes], bytes] = lambda _key, body: body
    read: list[str] = field(default_factory=list)


@contextmanager
def gate_before(url: str) -> Iterator[Gate]:
    """Yield a gate before the S3 at ``url``."""
    gate = Gate()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            refused = gate.refuse(self.command, headers)
            if refused is not None:
                status, code, message = refused
                self._answer(status, {}, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())
                return
            forwarded = {name: value for name, value in headers.items() if name not in gate.ignore}
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
            connection.request(self.command, self.path, body, forwarded)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self._answer(answer.status, dict(answer.getheaders()), content, urlsplit(self.path).path)

        def _answer(self, status: int, headers: Headers, content: bytes, key: str = "") -> None:
            length = len(content)
            if self.command == "GET" and status == 200:
                gate.read.append(key)
                content = gate.spoil(key, content)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "connection", "transfer-encoding", "server", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", headers.get("Content-Length", str(length)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            if len(content) < length:
                self.wfile.flush()
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    for verb in ("GET", "PUT", "DELETE", "HEAD", "POST"):
        setattr(Handler, f"do_{verb}", Handler.forward)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gate.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield gate
        finally:
            server.shutdown()
            serving.join()
