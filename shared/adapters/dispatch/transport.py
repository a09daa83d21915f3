"""kombu's Redis transport for readers that strangers can write to: what is not ours is discarded before it is processed."""

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
"""What the types that are published for kombu say of these classes is incomplete."""


class QoS(_QoS):  # type: ignore[misc]
    """Messages that were received and not acknowledged."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue; remove one that cannot be read."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except self.channel.connection.connection_errors:
            raise
        except Exception:
            self._remove_from_indices(tag).execute()
            _discard("unacked", tag)


class Channel(_Channel):  # type: ignore[misc]
    """Reads messages."""

    QoS = QoS

    def remove_strange_keys(self) -> None:
        """Remove keys of ours that somebody set to another type: no message could be read or sent any more."""
        bindings = (f"_kombu.binding.{exchange}" for exchange in (messages.QUEUES[0], "celery.pidbox"))
        with self.conn_or_acquire() as client:
            looks = [
                *((queue, client.llen) for queue in messages.QUEUES),
                *((binding, client.smembers) for binding in bindings),
                (self.unacked_key, client.hlen),
                (self.unacked_index_key, lambda key: client.zrange(key, 0, 0)),
            ]
            for key, look in looks:
                try:
                    look(key)
                except ResponseError as error:
                    if _WRONG_TYPE not in str(error):
                        raise
                    client.delete(key)
                    log.warning("removed the key %s, which somebody set to another type", key)

    def _brpop_read(self, **options: Any) -> Any:
        """Read one message of a queue. What cannot be parsed is gone from the queue by now."""
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
        """Read one broadcast. kombu passes over one without data."""
        payload = super()._handle_message(client, r)
        if bytes_to_str(payload["type"]).endswith("message"):
            try:
                loads(bytes_to_str(payload["data"]))
            except Exception:
                _discard("a channel", payload["data"])
                payload["data"] = None
        return payload


class Transport(_Transport):  # type: ignore[misc]
    """Hands messages to their consumers."""

    Channel = Channel
    processing = False
    """Whether the message that was read last was accepted: what is raised after that is not the message's fault."""

    def establish_connection(self) -> Any:
        """Connect, and store a value that expires at once. Raise ConnectionError where Redis takes no writes.

        Celery tries connections again, with one line of log each time. A refusal of a later write would end the worker.
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
        ours = accepted(message, queue)
        if ours is None:
            _discard(queue, message)
            return
        self.processing = True
        super()._deliver(ours, queue)


def use_transport() -> None:
    """Let every connection of this process to Redis read by this transport."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


def _discard(where: str, raw: object) -> None:
    log.warning("discarded a message on %s that is not ours: %s", where, quoted(raw))
