"""Messages on a real Redis: their content, and sending while the broker is unavailable."""

import base64
import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from celery import Celery

from shared import messages
from shared.adapters.broker import broker_at
from shared.adapters.dispatch import CeleryDispatch, make_app
from shared.domain.jobs import JobKind, Phase, StepRef
from tests.parts import RedisServer

TENANT, JOB, STEP_ID = (f"{n}e2f6a2c-6a4d-4a5e-9d0c-6f0e4c1f7a10" for n in range(3))


def step(queue: str = "backup") -> StepRef:
    return StepRef(
        tenant_id=TENANT,
        job_id=JOB,
        step_id=STEP_ID,
        queue=queue,
        tenant="contoso",
        kind=JobKind.BACKUP,
        phase=Phase.READ,
        name="users",
        version=messages.VERSION,
    )


STEP = step()


@pytest.fixture
def app(redis_server: RedisServer) -> Iterator[Celery]:
    app = make_app(broker_at(redis_server.url), "ours")
    yield app
    app.close()


def queued(server: RedisServer, queue: str) -> list[dict[str, object]]:
    with closing(redis.Redis.from_url(server.url)) as client:
        return [json.loads(item) for item in client.lrange(f"entrakeep:ours:{queue}", 0, -1)]


def test_a_message_contains_only_ids_and_display_fields(app: Celery, redis_server: RedisServer) -> None:
    assert CeleryDispatch(app).send(STEP)
    (message,) = queued(redis_server, "backup")
    arguments, keywords, _ = json.loads(base64.b64decode(str(message["body"])))
    ids = {"version": 2, "tenant_id": TENANT, "job_id": JOB, "step_id": STEP_ID}
    headers = message["headers"]
    assert isinstance(headers, dict)
    assert (arguments, keywords) == ([], {**ids, "tenant": "contoso", "streams": ["users"]})
    display_fields = {"tenant": "contoso", "streams": ["users"], "job": JOB}
    assert (headers["task"], headers["argsrepr"], headers["kwargsrepr"]) == ("backup.read", "()", repr(display_fields))
    assert headers["id"] == STEP_ID
    assert headers["ignore_result"] is True


def test_each_queue_receives_only_its_own_messages(app: Celery, redis_server: RedisServer) -> None:
    for queue in messages.QUEUES:
        assert CeleryDispatch(app).send(step(queue))
    assert [len(queued(redis_server, queue)) for queue in messages.QUEUES] == [1, 1, 1]


def test_send_fails_promptly_while_the_broker_hangs_and_works_after_recovery(
    app: Celery, redis_server: RedisServer
) -> None:
    dispatch = CeleryDispatch(app)
    assert dispatch.send(STEP)
    redis_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert not dispatch.send(STEP)
    assert time.monotonic() - began < 15
    redis_server.process.send_signal(signal.SIGCONT)
    redis_server.wait()
    assert dispatch.send(STEP)


def test_send_fails_without_delay_if_the_broker_is_down(app: Celery, redis_server: RedisServer) -> None:
    redis_server.process.kill()
    redis_server.process.wait()
    began = time.monotonic()
    assert not CeleryDispatch(app).send(STEP)
    assert time.monotonic() - began < 3
