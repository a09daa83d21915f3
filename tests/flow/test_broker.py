"""A worker discards malformed messages from Redis, and reports its steps as they end."""

import base64
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import redis
from celery import Celery
from celery.events.state import State
from celery.states import FAILURE, RETRY, REVOKED, SUCCESS

from shared import messages, wiring
from shared.domain.errors import Code
from shared.domain.jobs import KINDS, Job, JobKind, JobState
from shared.domain.model import Tenant
from tests.flow.stack import Stack, running_stack, same, until

pytestmark = pytest.mark.flow

DISCARDED = re.compile(rb"WARNING shared\.adapters\.dispatch\.transport: discarded a message on ")
IDS = dict.fromkeys(("tenant_id", "job_id", "step_id"), "0e2f6a2c-6a4d-4a5e-9d0c-6f0e4c1f7a10")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("strangers")
    with running_stack(folder, "--users", "20", store=f"file://{folder}/store") as stack:
        stack.start("beat", environment={"ENTRAKEEP_LOG_FORMAT": "json", "ENTRAKEEP_LOG_LEVEL": "debug"})
        stack.start("worker")
        yield stack


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Tenant:
    return stack.add("contoso")


def packed(body: object) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def envelope(**changes: object) -> dict[str, Any]:
    """Return a message about a step that does not exist."""
    info = {"exchange": "", "routing_key": "backup"}
    fields = {
        "body": packed([[], {**IDS, "version": messages.FIRST_VERSION}, {}]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": messages.FIRST_TASK, "id": "an-id", "ignore_result": True},
        "properties": {"body_encoding": "base64", "delivery_tag": "a-tag", "delivery_info": info},
    }
    return {**fields, **changes}


def headed(**headers: object) -> dict[str, Any]:
    return envelope(headers={**envelope()["headers"], **headers})


DEEP = b"[" * 100_000 + b"]" * 100_000
STRANGE = {
    "no JSON": b"\x00\xff{",
    "no JSON, on many lines": b"one\ntwo\x1b[2Jthree",
    "deep": DEEP,
    "null": b"null",
    "empty": b"{}",
    "a list": b"[1, 2]",
    "a body that is no list": json.dumps(envelope(body=packed({"a": 1}))).encode(),
    "a body that is deep": json.dumps(envelope(body=base64.b64encode(DEEP).decode())).encode(),
    "a body that is no base64": json.dumps(envelope(body="%%%")).encode(),
    "properties null": json.dumps(envelope(properties=None)).encode(),
    "headers null": json.dumps(envelope(headers=None)).encode(),
    "headers that are a list": json.dumps(envelope(headers=[1])).encode(),
    "another task": json.dumps(headed(task="celery.backend_cleanup")).encode(),
    "every tenant": json.dumps(envelope(body=packed([[], {**IDS, "tenant_id": "*", "version": 1}, {}]))).encode(),
    "an invented type": b'{"__type__": "datetime", "__value__": []}',
    "a long one": json.dumps({"x" * 100_000: ["y" * 100_000] * 3}).encode(),
}
DRESSED = {
    "nonsense time limits": json.dumps(headed(timelimit=["soon", {}])).encode(),
    "time limits that kill": json.dumps(headed(timelimit=[0.001, 0.001])).encode(),
    "no time": json.dumps(headed(eta="9999-99-99", expires=[])).encode(),
    "another type of content": json.dumps(envelope(**{"content-type": "application/x-python-serialize"})).encode(),
    "a callback": json.dumps(envelope(body=packed([[], {**IDS, "version": 1}, {"callbacks": ["shutdown"]}]))).encode(),
}
"""Valid messages with additional fields that workers ignore."""


def prefix(stack: Stack) -> str:
    return f"entrakeep:{wiring.settings().catalog_name}:"


def test_a_worker_discards_each_kind_of_malformed_message_and_does_its_work(stack: Stack, tenant: Tenant) -> None:
    log = stack.home / "worker.log"
    with closing(redis.Redis.from_url(stack.redis.url)) as client:
        for raw in (*STRANGE.values(), *DRESSED.values()):
            client.lpush(f"{prefix(stack)}backup", raw)
        client.hset(f"{prefix(stack)}unacked", "a-tag", "null")
        client.zadd(f"{prefix(stack)}unacked_index", {"a-tag": 1.0})
        until(lambda: not client.llen(f"{prefix(stack)}backup"), "every message was read")
        for raw in STRANGE.values():
            client.publish(f"{prefix(stack)}/{client.connection_pool.connection_kwargs['db']}.celery.pidbox", raw)
    stack.backup(tenant)
    same(stack.download(tenant), stack.graph.records())

    written = log.read_bytes()
    assert written.count(b" ready.") == 1, "the worker was started again"
    assert b"Traceback" not in written
    lines = [line for line in written.splitlines() if DISCARDED.search(line)]
    on_queue = [line for line in lines if b" on backup " in line or b" on a queue " in line]
    assert len(on_queue) == len(STRANGE)
    assert max(map(len, lines)) < 400
    assert not re.search(rb"[^\x20-\x7e\n]", b"\n".join(lines))


def test_redis_keys_of_another_type_keep_no_worker_from_its_work(stack: Stack, tenant: Tenant) -> None:
    with closing(redis.Redis.from_url(stack.redis.url)) as client:
        for key in ("backup", "manual", "unacked", "unacked_index", "_kombu.binding.celery.pidbox"):
            client.delete(f"{prefix(stack)}{key}")
            client.set(f"{prefix(stack)}{key}", "of another type")
    stack.backup(tenant)
    assert b"removed the key manual, which somebody set to another type" in (stack.home / "worker.log").read_bytes()


def test_every_log_line_is_json_if_configured(stack: Stack) -> None:
    lines = (stack.home / "beat.log").read_text().splitlines()
    documents = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"time", "level", "logger", "message"} <= documents[0].keys()
    assert "DEBUG" in {document["level"] for document in documents}
    assert not [line for line in lines if re.match(r"\d{4}-|\[\d{4}-", line)]


CHANGING: dict[str, dict[str, Any]] = {
    "rate_limit": {"task_name": messages.FIRST_TASK, "rate_limit": "1/h"},
    "time_limit": {"task_name": messages.FIRST_TASK, "hard": 0.01, "soft": 0.01},
    "cancel_consumer": {"queue": "manual"},
    "add_consumer": {"queue": "strange"},
    "revoke": {"task_id": IDS["step_id"], "terminate": True},
    "pool_shrink": {"n": 1},
    "pool_restart": {},
    "disable_events": {},
    "shutdown": {},
}


def test_remote_control_can_read_and_change_nothing(stack: Stack, tenant: Tenant, application: Celery) -> None:
    for command, arguments in CHANGING.items():
        application.control.broadcast(command, arguments=arguments)
    looked = application.control.inspect(timeout=10, limit=1, destination=[f"worker@{socket.gethostname()}"])
    (worker,) = looked.stats()
    assert {queue["name"] for queue in looked.active_queues()[worker]} == set(messages.QUEUES)
    assert looked.active()[worker] == looked.reserved()[worker] == looked.revoked()[worker] == []
    assert len(application.control.inspect(timeout=10, limit=2).ping()) == 2, "a worker and beat answer"
    stack.backup(tenant)


@pytest.fixture(scope="module")
def application(stack: Stack) -> Iterator[Celery]:
    app = wiring.celery_app()
    yield app
    app.close()


@contextmanager
def watch_events(application: Celery) -> Iterator[State]:
    """Collect the tasks as Flower sees them, from the workers' events."""
    state = State()
    with application.connection_for_read() as connection:
        receiver = application.events.Receiver(connection, handlers={"*": state.event})
        watching = threading.Thread(target=receiver.capture, kwargs={"wakeup": False})
        watching.start()
        try:
            yield state
        finally:
            receiver.should_stop = True
            watching.join()


def test_flower_receives_each_step_by_name_and_with_its_result(
    stack: Stack, tenant: Tenant, application: Celery
) -> None:
    with watch_events(application) as state:
        until(lambda: any(worker.alive for worker in state.workers.values()), "events arrive")
        at_once = {"what": "status", "status": 503, "headers": {"Retry-After": "0"}}  # otherwise 40 seconds
        stack.graph.fault({"match": {"path": "/users/delta"}, "times": 9999, **at_once})
        job = stack.ask(tenant)
        until(lambda: RETRY in flower_states(state, job).values(), "a step is retried")
        stack.graph.clear_faults()
        assert stack.ended(job).state is JobState.SUCCEEDED
        steps = {step.step_id: step for step in stack.catalog_of(tenant).jobs.steps(job.job_id)}
        until(
            lambda: (
                set(flower_states(state, job).values()) == {SUCCESS} and len(flower_states(state, job)) == len(steps)
            ),
            "all done",
        )
        for step_id, step in steps.items():
            task = state.tasks[step_id]
            assert task.name == KINDS[JobKind.BACKUP].phases[step.phase].task
            streams = [step.name] if task.name in ("backup.read", "backup.second_round") else []
            assert (task.args, task.kwargs) == (
                "()",
                f"{{'tenant': 'contoso', 'streams': {streams}, 'job': '{job.job_id}'}}",
            )
        assert {"backup.read", "backup.commit"} <= {state.tasks[step_id].name for step_id in steps}

        stack.aws.client("kms").disable_key(KeyId=stack.key(tenant))
        bad = stack.ended(stack.ask(tenant))
        assert bad.code is Code.KEY_ACCESS_REVOKED
        until(lambda: FAILURE in flower_states(state, bad).values(), "a step fails")
        until(lambda: not set(flower_states(state, bad).values()) - {FAILURE, REVOKED}, "the other steps were dropped")
        failed = [state.tasks[step] for step, ended in flower_states(state, bad).items() if ended == FAILURE]
        assert {task.exception for task in failed} == {"StepFailed('KEY_ACCESS_REVOKED')"}
        stack.aws.client("kms").enable_key(KeyId=stack.key(tenant))


def flower_states(state: State, job: Job) -> dict[str, str]:
    """Return the state that Flower shows for each step of a job."""
    return {step: task.state for step, task in list(state.tasks.items()) if job.job_id in (task.kwargs or "")}
