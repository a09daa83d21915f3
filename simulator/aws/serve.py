"""The HTTP server: one thread per connection, keep-alive connections, a TCP reset for a dropped answer."""

import argparse
import logging
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from types import FrameType

from werkzeug.serving import BaseWSGIServer, DechunkedInput, WSGIRequestHandler, make_server

from simulator.aws.answers import Answer, Refused, refusal
from simulator.aws.gate import Dropped, Gate, Request
from simulator.aws.initial_contents import create_initial_contents

_LOG = logging.getLogger("simulator.aws")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NO_BODY = (204, 304)


class Handler(WSGIRequestHandler):
    """The handler of one connection: reads a whole request, calls the gate, writes a whole answer.

    werkzeug's own handler closes every connection and waits for stray bytes after each answer. Both are unnecessary when
    the body is read completely.
    """

    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    gate: Gate

    def run_wsgi(self) -> None:
        """Answer one request on this connection."""
        environ = self.make_environ()
        body = self._body(environ)
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        request = Request(environ, self.command, path, environ["QUERY_STRING"], body)
        try:
            answer = self.gate.answer(request)
        except Dropped:
            self._reset()
            return
        except Exception as error:
            # Log only the type of the error: its message could quote the request.
            _LOG.error("%s %s failed inside the simulator: %s", self.command, path, type(error).__name__)
            answer = refusal("s3", Refused("InternalError", "The simulator failed.", 500))
        self._write(answer)

    def _body(self, environ: dict[str, object]) -> bytes:
        source = environ["wsgi.input"]
        if isinstance(source, DechunkedInput):
            return source.read()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _write(self, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status_line}", f"Server: {self.server_version}", f"Date: {self.date_time_string()}"]
        headers = [(n, v) for n, v in answer.headers if n.lower() not in ("connection", "transfer-encoding", "server")]
        lines += [f"{name}: {value}" for name, value in headers]
        if answer.status not in _NO_BODY and not any(name.lower() == "content-length" for name, _ in headers):
            lines.append(f"Content-Length: {len(answer.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write(head + body)

    def _reset(self) -> None:
        """Close the socket below all objects that refer to it, so that the client sees a reset instead of an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        os.close(self.connection.detach())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: `/_sim/requests` counts requests, and a request line may contain a signature."""


def make(host: str, port: int, gate: Gate | None = None) -> BaseWSGIServer:
    """Return a server that listens on an address. Port 0 takes a free port. Raises OSError."""
    handler = type("GateHandler", (Handler,), {"gate": gate or Gate()})
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)
    try:
        address, taken = listener.getsockname()[:2]
        return make_server(address, taken, _no_wsgi, True, 1, handler, fd=listener.fileno())
    finally:
        listener.close()


def _no_wsgi(_environ: object, _start_response: object) -> list[bytes]:
    """Fill the application argument of werkzeug. It is never called: the handler calls the gate itself."""
    return []


class _Stopped(BaseException):
    """The process received SIGTERM or SIGINT."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Return the exit status: 0, or 1 if the simulator cannot start."""
    options = _options(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    os.environ.pop("MOTO_ACCOUNT_ID", None)
    gate = Gate()
    try:
        if options.key:
            create_initial_contents(gate, options.key, options.bucket)
        server = make(options.host, options.port, gate)
    except ValueError as error:
        print(f"The simulator cannot begin: {error}.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Port {options.port} cannot be used on {options.host}: {error.strerror}.", file=sys.stderr)
        return 1
    try:
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        address = f"[{server.host}]" if ":" in server.host else server.host
        print(f"ready http://{address}:{server.port}", flush=True)
        server.serve_forever()
    except _Stopped:
        pass
    return 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator aws", description="KMS, S3 and STS on one HTTP endpoint.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 or :: for all addresses")
    parser.add_argument("--port", type=_port, required=True, help="port to listen on; 0 picks a free one")
    parser.add_argument("--key", metavar="ARN", help="a KMS key that exists from the start")
    parser.add_argument("--bucket", help="a bucket that exists from the start, in the account and Region of the key")
    options = parser.parse_args(argv)
    if options.bucket and not options.key:
        parser.error("--bucket needs --key, whose account owns it")
    return options


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return int(text)
