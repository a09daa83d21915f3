"""Broker: its address, and the state in which it answers."""

import ipaddress
from dataclasses import dataclass, field
from enum import Enum, auto

import msgspec


class BrokerState(Enum):
    """The broker's readiness for messages."""

    READY = auto()
    """The broker takes messages."""
    LOADING = auto()
    """The broker is loading its data and takes no messages yet."""
    ABSENT = auto()
    """Nothing listens at the address."""
    SILENT = auto()
    """Something accepts connections at the address but does not answer."""
    UNUSABLE = auto()
    """Something answers but does not take our messages."""


class BrokerAnswer(msgspec.Struct, frozen=True):
    """The outcome of a look at the broker."""

    state: BrokerState
    sentence: str = ""
    """What is wrong and what to do, with the broker's own reason; empty if nothing is wrong."""


@dataclass(frozen=True)
class Broker:
    """A broker's URL in its parts. The URL and the password have no printed form."""

    url: str = field(repr=False)
    host: str
    port: int
    database: int
    username: str | None
    password: str | None = field(repr=False)
    tls: dict[str, object] | None = field(repr=False, default=None)
    """The TLS options for redis-py; None for a plain connection."""

    @property
    def place(self) -> str:
        """Return ``host:port`` as messages name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Return True if only this machine can reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
