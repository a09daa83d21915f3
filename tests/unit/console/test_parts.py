"""The parts of the stack on one machine: the time to end them together, and the port of Flower."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from console import parts
from console.parts import Nodes, celery_parts, port_for_flower
from console.redis_server import own_redis
from shared.wiring import ask_broker, broker_at
from tests.parts import free_port

MERCY = 0.5
"""Seconds that the supervisor gives a guard beyond the grace period of its part."""


def test_all_parts_together_end_in_less_than_ten_seconds_even_if_they_ignore_signals(tmp_path: Path) -> None:
    environment = dict(os.environ)
    redis = own_redis(broker_at(f"redis://127.0.0.1:{free_port()}/0"), tmp_path, environment, ask_broker)
    assert redis is not None
    with closing(Nodes(environment, ())) as nodes:
        stages = [[redis.part], celery_parts(environment, nodes, 5555)]
    assert sum(max(part.grace for part in stage) + MERCY for stage in stages) < 10
    (worker,) = (part for part in stages[1] if part.name == "worker")
    (soft,) = (word.partition("=")[2] for word in worker.argv if word.startswith("worker_soft_shutdown_timeout="))
    assert float(soft) < worker.grace


def test_flower_listens_on_its_default_port_or_on_a_free_one_if_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = free_port()
    monkeypatch.setattr(parts, "_FLOWER_PORT", usual)
    assert port_for_flower() == usual
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", usual))
        other.listen()
        port = port_for_flower()
        assert port not in (usual, 0)
        with closing(socket.socket()) as flower:
            flower.bind(("127.0.0.1", port))
