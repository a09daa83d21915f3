"""The parts of the stack on one machine: the time to end them together, and the port of Flower."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from console import parts
from console.parts import Nodes, WebPlace, celery_parts, port_for_flower, web_part, web_place
from console.redis_server import own_redis
from shared.web_config import WebSettings
from shared.wiring import ask_broker, broker_at
from tests.parts import free_port

MERCY = 0.5
"""Seconds that the supervisor gives a guard beyond the grace period of its part."""


def test_all_parts_together_end_in_less_than_ten_seconds_even_if_they_ignore_signals(tmp_path: Path) -> None:
    environment = dict(os.environ)
    redis = own_redis(broker_at(f"redis://127.0.0.1:{free_port()}/0"), tmp_path, environment, ask_broker)
    assert redis is not None
    with closing(Nodes(environment, ())) as nodes:
        place = WebPlace(host="127.0.0.1", port=8088, url="http://localhost:8088")
        stages = [[redis.part], (*celery_parts(environment, nodes, 5555), web_part(environment, place, 5555))]
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


def test_the_console_gets_neither_aws_nor_the_broker() -> None:
    environment = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy:3128",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "AWS_CA_BUNDLE": "canary.pem",
        "ENTRAKEEP_BROKER_URL": "redis://:canary@127.0.0.1/0",
        "ENTRAKEEP_DATABASE_URL": "postgresql://entrakeep@database/entrakeep",
        "ENTRAKEEP_OIDC_ISSUER": "https://login.example",
        "ENTRAKEEP_WEB_URL": "http://localhost:8088",
    }
    place = WebPlace(host="::1", port=9000, url="http://localhost:9000")
    given = web_part(environment, place, 5555).environment
    assert not any("canary" in value for value in given.values())
    assert given["ENTRAKEEP_WEB_LISTEN"] == "[::1]:9000"
    assert given["ENTRAKEEP_WEB_URL"] == "http://localhost:9000"
    assert given["ENTRAKEEP_FLOWER_URL"] == "http://127.0.0.1:5555"
    assert given.keys() >= {"PATH", "HTTPS_PROXY", "ENTRAKEEP_DATABASE_URL", "ENTRAKEEP_OIDC_ISSUER"}


def test_the_console_leaves_its_usual_port_if_that_is_taken_and_nobody_chose_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(WebSettings, "web_address", property(lambda _: ("127.0.0.1", taken)))
        place = web_place(WebSettings(home=tmp_path))
        assert place.port not in (0, taken)
        assert place.url == f"http://localhost:{place.port}"
        url = f"http://localhost:{taken}"
        assert web_place(WebSettings(home=tmp_path, web_url=url)).port == taken
