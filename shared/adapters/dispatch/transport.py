"""Extend kombu's Redis transport to discard foreign messages before they are processed: strangers may write to Redis."""

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.transport.virtual import Empty
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import ResponseError

from shared import messages
from shared.adapters.dispatch.inbox import accepted, quoted

_PROBE = "broker-probe"

log = logging.getLogger(__name__)

_WRONG_TYPE = "WRONGTYPE"
_QoS: Any = redis.QoS
_Channel: Any = redis.Channel
_Transport: Any = redis.Transport
"""Typed as Any, because the published types of kombu are incomplete for these classes."""


class QoS(_QoS):  # type: ignore[misc]
    """Messages that were received and not acknowledged."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue, or remove it if it cannot be read."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except self.channel.connection.connection_errors:
            raise
        except Exception:
            self._remove_from_indices(tag).execute()
            _discard("unacked", tag)


class Channel(_Channel):  # type: ignore[misc]
    """A channel that survives messages it cannot read."""

    QoS = QoS

    def remove_strange_keys(self) -> None:
        """Remove this app's keys that somebody set to another type: they would block reading and sending."""
        bindings = (f"_kombu.binding.{exchange}" for exchange in (messages.QUEUES[0], "celery.pidbox"))
        with self.conn_or_acquire() as client:
            reads = [
                *((queue, client.llen) for queue in messages.QUEUES),
                *((binding, client.smembers) for binding in bindings),
                (self.unacked_key, client.hlen),
                (self.unacked_index_key, lambda key: client.zrange(key, 0, 0)),
            ]
            for key, read in reads:
                try:
                    read(key)
                except ResponseError as error:
                    if _WRONG_TYPE not in str(error):
                        raise
                    client.delete(key)
                    log.warning("removed the key %s, which somebody set to another type", key)

    def _brpop_read(self, **options: Any) -> Any:
        """Read one message of a queue. A message that cannot be parsed has already left the queue: log it and go on."""
        self.connection.processing = False
        try:
            return super()._brpop_read(**options)
        except ResponseError as error:  # for instance, the server has become a replica
            raise LostConnection(str(error)) from None
        except (Empty, *self.connection.connection_errors, *self.connection.channel_errors):
            raise
        except Exception as error:
            if self.connection.processing:
                raise
            _discard("a queue", getattr(error, "doc", type(error).__name__))
            return True

    def _handle_message(self, client: Any, r: Any) -> Any:
        """Read one broadcast. Drop the data of one that cannot be parsed; kombu skips messages without data."""
        payload = super()._handle_message(client, r)
        if bytes_to_str(payload["type"]).endswith("message"):
            try:
                loads(bytes_to_str(payload["data"]))
            except Exception:
                _discard("a channel", payload["data"])
                payload["data"] = None
        return payload


class Transport(_Transport):  # type: ignore[misc]
    """Hand accepted messages to their consumers."""

    Channel = Channel
    processing = False
    """True once the last message was accepted: a later error is not the message's fault."""

    def establish_connection(self) -> Any:
        """Connect, and store a value that expires at once. Raise ConnectionError if Redis takes no writes.

        Celery retries a connection with one log line each time. A write refused later would end the worker.
        """
        connection = super().establish_connection()
        try:
            self._avail_channels[-1].client.set(_PROBE, "", px=1000)
            self._avail_channels[-1].remove_strange_keys()
        except ResponseError as error:
            self.close_connection(connection)
            raise LostConnection(str(error)) from None
        return connection

    def _deliver(self, message: Any, queue: str) -> None:
        """Deliver a message if it is accepted, otherwise discard it."""
        rebuilt = accepted(message, queue)
        if rebuilt is None:
            _discard(queue, message)
            return
        self.processing = True
        super()._deliver(rebuilt, queue)


def use_transport() -> None:
    """Use this transport for every Redis connection of this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


def _discard(where: str, raw: object) -> None:
    """Log a discarded message."""
    log.warning("discarded a message on %s that is not ours: %s", where, quoted(raw))
