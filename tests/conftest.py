"""Fixtures for all rooms."""

from tests.parts import redis_server_fixture

__all__ = ["redis_server_fixture"]
