"""The command line of the simulator: options, certificate, socket, and an orderly shutdown."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import trustme
import uvicorn

from simulator.graph.app import Simulator
from simulator.graph.quotas import SIZES, Quotas
from simulator.graph.realm import counts, first
from simulator.graph.tokens import DIRECTORY_ID

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def build(generated: dict[str, int], seed: int, loaded: bytes, quotas: Quotas, latency: float = 0) -> Simulator:
    """Return a simulator with generated objects and the lines of a file. Raises ValueError naming an invalid line."""
    return Simulator(first(DIRECTORY_ID, generated, seed, loaded, quotas), quotas.size, latency)


class _Server(uvicorn.Server):
    """A server that prints its address when it listens, and exits with status 0 on SIGTERM or SIGINT."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening. Print `ready` and the URL of each socket."""
        await super().startup(sockets)
        for listening in sockets or ():
            address, port = listening.getsockname()[:2]
            print(f"ready https://{f'[{address}]' if ':' in address else address}:{port}", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down on SIGTERM and SIGINT, without re-raising the signal as uvicorn does."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True
        logging.getLogger("uvicorn.error").disabled = True  # it would log a traceback for each interrupted answer
        self.force_exit = True


def _tls(ca_file: Path, names: list[str]) -> ssl.SSLContext:
    """Return TLS settings with a certificate for the loopback and these names. Write its authority to `ca_file`."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*dict.fromkeys((*_LOOPBACK, *names))).configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    return context


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator graph", description="Microsoft Graph and its authority, simulated."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 or :: for all addresses")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 picks a free one")
    parser.add_argument(
        "--name", action="append", default=[], help="a further name or address in the certificate; may be repeated"
    )
    parser.add_argument("--ca-file", type=Path, required=True, help="where to write the certificate to trust (PEM)")
    parser.add_argument(
        "--objects",
        type=_count,
        default=0,
        help="number of objects to generate: 80 %% users, 12 %% groups, 4 %% applications, 4 %% service principals; "
        "app role assignments and permission grants are added",
    )
    parser.add_argument("--users", type=_count, default=0, help="further users to generate, with managers")
    parser.add_argument("--groups", type=_count, default=0, help="further groups to generate, with members and owners")
    parser.add_argument(
        "--applications", type=_count, default=0, help="further applications to generate, each with a service principal"
    )
    parser.add_argument("--policies", type=_count, default=0, help="Conditional Access policies to generate")
    parser.add_argument("--seed", type=int, default=1, help="determines the content of generated objects")
    parser.add_argument("--load", type=Path, help='a file of lines {"path": …, "value": {…}} to add')
    parser.add_argument(
        "--quotas",
        choices=("off", *SIZES),
        default="off",
        help="enforce the published limits of a directory of this size",
    )
    parser.add_argument(
        "--latency", type=_seconds, default=0, help="delay of each answer in seconds, give or take a third"
    )
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 60:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds under 60")
    return seconds


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of objects")
    return int(text)


def main(argv: list[str]) -> int:
    """Serve until SIGTERM. Return the exit status: 0 after an orderly shutdown, 1 if the simulator cannot start."""
    options = _options(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        loaded = options.load.read_bytes() if options.load else b""
        generated = counts(options.objects, options.users, options.groups, options.policies, options.applications)
        simulator = build(generated, options.seed, loaded, Quotas(DIRECTORY_ID, options.quotas), options.latency)
        context = _tls(options.ca_file, [options.host, *options.name])
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listening = socket.create_server((options.host, options.port), family=family, backlog=256)
        # Every connection inherits this option. asyncio sets it only on sockets whose protocol number is set.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, ValueError, OverflowError) as error:
        print(f"the simulator cannot begin: {error}", file=sys.stderr)
        return 1
    config = uvicorn.Config(
        simulator,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
    )
    config.load()
    config.ssl = context
    _Server(config).run(sockets=[listening])
    return 0
