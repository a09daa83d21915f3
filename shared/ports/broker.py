"""Broker: its address, and how what listens there answers."""

import ipaddress
from dataclasses import dataclass, field
from enum import Enum, auto

import msgspec


class BrokerState(Enum):
    """Whether the broker takes messages."""

    READY = auto()
    LOADING = auto()
    ABSENT = auto()
    """Nothing listens at the address."""
    SILENT = auto()
    """Something accepts connections there, and does not answer."""
    UNUSABLE = auto()
    """Something answers, but does not take our messages."""


class BrokerAnswer(msgspec.Struct, frozen=True):
    """``sentence`` says what is wrong and what to do, with the broker's own reason; empty if nothing is wrong."""

    state: BrokerState
    sentence: str = ""


@dataclass(frozen=True)
class Broker:
    """A broker's URL, taken apart. The URL and the password have no printed form.

    ``tls``: redis-py's options for TLS, None for a plain connection.
    """

    url: str = field(repr=False)
    host: str
    port: int
    database: int
    username: str | None
    password: str | None = field(repr=False)
    tls: dict[str, object] | None = field(repr=False, default=None)

    @property
    def place(self) -> str:
        """``host:port``, as sentences name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether the address can be reached from this machine alone."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
