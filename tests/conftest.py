"""Fixtures for all rooms."""

from tests.parts import aws_simulator_fixture, graph_simulator_fixture, redis_server_fixture

__all__ = ["aws_simulator_fixture", "graph_simulator_fixture", "redis_server_fixture"]
