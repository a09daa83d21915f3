"""Receivers of notices on loopback: a mail server and a webhook, each as slow, broken or odd as a test wants."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

S = TypeVar("S", bound=socketserver.BaseServer)


class WebhookReceiver(ThreadingHTTPServer):
    """Records each post, and answers with ``status``, with ``garbage``, or one byte each ``drip`` seconds."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.garbage = False
        self.drip = 0.0
        self.posts: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/s3cr3t-path?token=s3cr3t-query"

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.posts]


class _Handler(BaseHTTPRequestHandler):
    server: WebhookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
        if self.server.garbage:
            self.wfile.write(b"\x00\xff garbage s3cr3t-answer\r\n\r\n")
            self.close_connection = True
            return
        if self.server.drip:
            try:
                while True:
                    self.wfile.write(b"H")
                    self.wfile.flush()
                    time.sleep(self.server.drip)
            except OSError:
                return
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server without TLS. It records each mail's envelope and text; ``refuses`` answers 550 with the address in it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.refuses = False
        self.garbage = False
        self.mails: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}?from=entrakeep@example.com"


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        sender = recipient = ""
        self._say("\x00\xff" if self.server.garbage else "220 receiver.example")
        for line in self.rfile:
            command = line.decode("ascii", "replace").strip()
            word = command.upper().split(":")[0].split(" ")[0]
            if word == "DATA":
                self._say("354 go on")
                self.server.mails.append((sender, recipient, self._text()))
                self._say("250 taken")
            elif word == "RCPT" and self.server.refuses:
                self._say(f"550 s3cr3t-answer {command}")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                sender = command.partition(":")[2] if word == "MAIL" else sender
                recipient = command.partition(":")[2] if word == "RCPT" else recipient
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode("latin-1") + b"\r\n")

    def _text(self) -> str:
        lines = []
        for line in self.rfile:
            if line in (b".\r\n", b".\n"):
                break
            lines.append(line.decode())
        return "".join(lines)


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Serve until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
