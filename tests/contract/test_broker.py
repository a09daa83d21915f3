"""A real Redis that answers or refuses. Each refusal becomes one sentence with Redis' reason and advice."""

import contextlib
import os
import re
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import trustme
from kombu import pools

from scheduler import beat
from scheduler.beat import CatalogScheduler
from shared.adapters.broker import ask, broker_at
from shared.adapters.dispatch import CeleryDispatch, make_app
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, StepRef
from shared.domain.limits import Limits
from shared.ports.broker import BrokerAnswer, BrokerState
from tests.contract.catalog.world import World
from tests.migrated import migrated_file
from tests.parts import RedisServer, free_port

STEP = StepRef(
    tenant_id="a-tenant",
    job_id="a-job",
    step_id="a-step",
    queue="backup",
    tenant="acme",
    kind=JobKind.BACKUP,
    phase=1,
    name="users",
    version=1,
)


@pytest.fixture
def control(redis_server: RedisServer) -> Iterator["redis.Redis[bytes]"]:
    """Yield a connection that was opened before Redis refuses anything."""
    with redis.Redis.from_url(redis_server.url, single_connection_client=True) as client:
        yield client


def answer_of(server: RedisServer, timeout: float = 5.0) -> BrokerAnswer:
    return ask(broker_at(server.url), timeout)


def test_a_working_redis_is_ready_and_the_check_leaves_only_expiring_keys(
    redis_server: RedisServer, control: "redis.Redis[bytes]"
) -> None:
    assert answer_of(redis_server) == BrokerAnswer(BrokerState.READY)
    assert all(0 < control.pttl(name) <= 1000 for name in control.keys())  # noqa: SIM118 - of Redis


def out_of_memory(control: Any, folder: Path) -> None:
    control.config_set("maxmemory", 1)


def no_disk(control: Any, folder: Path) -> None:
    (folder / "dump.rdb" / "in the way").mkdir(parents=True)
    control.config_set("save", "3600 1")
    control.set("a", "b")
    control.bgsave()
    while control.info("persistence")["rdb_bgsave_in_progress"]:
        pass


def replica(control: Any, folder: Path) -> None:
    control.replicaof("127.0.0.1", free_port())


def password(control: Any, folder: Path) -> None:
    control.config_set("requirepass", "since")


def too_many(control: Any, folder: Path) -> None:
    control.config_set("maxclients", 1)


@pytest.mark.parametrize(
    ("spoil", "reason", "advice"),
    [
        (out_of_memory, "OOM command not allowed when used memory > 'maxmemory'", "Raise its maxmemory"),
        (no_disk, "MISCONF ", "Free space on its disk"),
        (replica, "READONLY You can't write against a read only replica", "to the primary"),
        (password, "NOAUTH Authentication required", "redis://USER:PASSWORD@HOST"),
        (too_many, "max number of clients reached", "Raise its maxclients"),
    ],
    ids=["out of memory", "no disk", "replica", "password", "too many clients"],
)
def test_a_redis_refusal_becomes_one_sentence_with_reason_and_advice(
    spoil: Callable[[Any, Path], None],
    reason: str,
    advice: str,
    redis_server: RedisServer,
    control: "redis.Redis[bytes]",
    tmp_path: Path,
) -> None:
    spoil(control, tmp_path)
    answer = answer_of(redis_server)
    assert answer.state is BrokerState.UNUSABLE
    place = re.escape(broker_at(redis_server.url).place)
    assert re.fullmatch(rf"The Redis at {place} refuses messages \([^\n]{{10,200}}\)\. [^\n]*\.", answer.sentence)
    assert f"({reason}" in answer.sentence
    assert advice in answer.sentence


def test_a_wrong_password_is_reported_without_the_password(
    redis_server: RedisServer, control: "redis.Redis[bytes]"
) -> None:
    answer = ask(broker_at(redis_server.url.replace("//", "//somebody:canary@")), 5.0)
    assert "WRONGPASS" in answer.sentence
    assert "canary" not in answer.sentence


def test_a_hanging_redis_is_silent_and_a_stopped_redis_is_absent(redis_server: RedisServer) -> None:
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    hanging = answer_of(redis_server, 0.3)
    assert (hanging.state, "has not answered for 0.3 s" in hanging.sentence) == (BrokerState.SILENT, True)
    redis_server.process.kill()
    redis_server.process.wait()
    stopped = answer_of(redis_server)
    assert stopped.state is BrokerState.ABSENT
    assert "Connection refused" in stopped.sentence


@contextlib.contextmanager
def tls_proxy(server: RedisServer, authority: trustme.CA, name: str) -> Iterator[str]:
    """Yield the host and port of a TLS listener that forwards everything to a Redis."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    target = broker_at(server.url)

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve(plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(plain, server_side=True) as near,
            socket.create_connection((target.host, target.port)) as far,
        ):
            threading.Thread(target=copy, args=(far, near), daemon=True).start()
            copy(near, far)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def sends(url: str) -> bool:
    app = make_app(broker_at(url), "ours")
    try:
        return CeleryDispatch(app).send(STEP)
    finally:
        app.close()
        pools.reset()  # a process shares connections to one address, whatever their TLS options


def test_only_a_trusted_certificate_is_accepted_and_others_are_refused_with_the_reason(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    authority, file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with tls_proxy(redis_server, authority, "127.0.0.1") as place:
        trusted = f"rediss://{place}/0?ssl_ca_certs={file}"
        assert ask(broker_at(trusted), 5.0) == BrokerAnswer(BrokerState.READY)
        assert sends(trusted)
        untrusted = ask(broker_at(f"rediss://{place}/0"), 5.0)
        assert untrusted.state is BrokerState.UNUSABLE
        assert f"The certificate of the Redis at {place} is not trusted: " in untrusted.sentence
        assert "ssl_ca_certs=FILE" in untrusted.sentence
        assert not sends(f"rediss://{place}/0")
        assert sends(f"rediss://{place}/0?ssl_cert_reqs=none")
    with tls_proxy(redis_server, authority, "elsewhere.example") as place:
        url = f"rediss://{place}/0?ssl_ca_certs={file}"
        assert "is not trusted: IP address mismatch" in ask(broker_at(url), 5.0).sentence
        assert not sends(url)
    plain = broker_at(redis_server.url).place
    assert "If it does not speak TLS, write redis://" in ask(broker_at(f"rediss://{plain}/0"), 0.3).sentence


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ssl_cert_reqs=maybe", "ssl_cert_reqs: it must be required, optional or none"),
        ("ssl_check_hostname=canary", "ssl_check_hostname: it must be true or false"),
        ("ssl_ca_certs=/no/such/canary", "names no file by its option ssl_ca_certs"),
        ("socket_timeout=canary", "unknown option 'socket_timeout'; it may have ssl_ca_certs, "),
    ],
)
def test_an_invalid_url_option_is_named_without_its_value(query: str, expected: str) -> None:
    with pytest.raises(Refuse) as refused:
        broker_at(f"rediss://localhost:6379/0?{query}")
    assert refused.value.code is Code.SETTINGS_INVALID
    assert expected in refused.value.message
    assert "canary" not in refused.value.message


def test_a_plain_redis_url_accepts_no_options() -> None:
    with pytest.raises(Refuse, match="unknown option 'ssl_ca_certs'; it takes options with rediss:// only"):
        broker_at("redis://localhost:6379/0?ssl_ca_certs=x")


def test_a_read_only_redis_counts_as_a_lost_connection_and_is_retried(
    redis_server: RedisServer, control: "redis.Redis[bytes]"
) -> None:
    """Any other error would end a worker."""
    app = make_app(broker_at(redis_server.url), "ours")
    with app.connection() as connection:
        consumer = connection.Consumer(app.amqp.queues["manual"], callbacks=[lambda body, message: None])
        consumer.consume()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=0.2)
        replica(control, Path())
        with pytest.raises(connection.connection_errors, match=r"UNBLOCKED|READONLY|read only"):
            connection.drain_events(timeout=10)
    with app.connection() as connection:
        with pytest.raises(connection.connection_errors, match="You can't write against a read only replica"):
            connection.connect()
        control.execute_command("REPLICAOF", "NO", "ONE")
        connection.connect()
        assert connection.connected
    app.close()


def test_beat_stores_broker_trouble_and_clears_it_on_recovery(
    redis_server: RedisServer, control: "redis.Redis[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    world.scheduler.record_tick()
    monkeypatch.setattr(beat, "tick", lambda context: None)
    monkeypatch.setattr(beat.wiring, "LIMITS", Limits(broker_look_seconds=0.05))
    monkeypatch.setattr(beat.wiring, "broker", lambda: broker_at(redis_server.url))
    monkeypatch.setattr(beat.wiring, "beat_context", lambda app: SimpleNamespace(catalog=world.catalog))
    app = make_app(broker_at(redis_server.url), "ours")
    with closing(CatalogScheduler(app=app, lazy=True)) as scheduler:

        def tick_until(condition: Callable[[str | None], bool]) -> None:
            end = time.monotonic() + 30
            while not condition(world.scheduler.broker_trouble()):
                assert time.monotonic() < end
                scheduler.tick()
                time.sleep(0.02)

        replica(control, tmp_path)
        tick_until(lambda trouble: trouble is not None and "READONLY" in trouble)
        control.execute_command("REPLICAOF", "NO", "ONE")
        tick_until(lambda trouble: trouble is None)
    app.close()
    world.close()
