"""Rebuild the broker's messages from the few fields that are needed, and discard all others.

Whoever can write to Redis can send anything, and Celery and kombu trust what they read. A message without properties,
or with a time limit that is not a number, would end the worker.
"""

import base64
import reprlib
from typing import Any

import msgspec

from shared import messages

CONTROL = frozenset(
    {"ping", "stats", "active", "reserved", "scheduled", "revoked", "registered", "active_queues", "conf"}
)
"""Remote control commands that workers answer: those of health checks and Flower. All are read-only and take no arguments."""

_CONTROL_QUEUE, _REPLY_QUEUE = ".celery.pidbox", ".reply.celery.pidbox"
_SHOWN = 160
"""Characters of a discarded message that the log shows."""


class _Route(msgspec.Struct):
    exchange: str
    routing_key: str


class _Properties(msgspec.Struct):
    delivery_tag: str
    delivery_info: _Route


class _Envelope(msgspec.Struct):
    body: str
    properties: _Properties
    headers: dict[str, Any]


class _Control(msgspec.Struct, omit_defaults=True):
    method: str
    destination: list[str] | None = None
    reply_to: _Route | None = None
    ticket: str | None = None
    pattern: str | None = None
    matcher: str | None = None


def accepted(raw: object, queue: str) -> dict[str, Any] | None:
    """Return the message that was read from ``queue``, rebuilt, or None if it is not one of this project's."""
    try:
        envelope = msgspec.convert(raw, _Envelope)
        body = base64.b64decode(envelope.body, validate=True)
        if queue in messages.QUEUES:
            return _step(envelope, body)
        if queue.endswith(_CONTROL_QUEUE) and not queue.endswith(_REPLY_QUEUE):
            return _control(envelope, body)
        return _rebuild(envelope, msgspec.json.decode(body), envelope.headers)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def quoted(raw: object) -> str:
    """Return the beginning of any message on one line."""
    if isinstance(raw, bytes | str):
        return ascii(raw[:_SHOWN])
    shown = reprlib.Repr()
    shown.maxstring = shown.maxother = 40
    return shown.repr(raw)[:_SHOWN].encode("ascii", "backslashreplace").decode()


def _step(envelope: _Envelope, body: bytes) -> dict[str, Any] | None:
    """Rebuild a step's message without what a sender could request: time limits, a later time, callbacks, chains.

    Return None if it is not one of this project's tasks.
    """
    _, keywords, _ = msgspec.json.decode(body, type=tuple[list[Any], dict[str, Any], dict[str, Any]])
    task, message = messages.task_to_run(envelope.headers.get("task")), messages.decode(keywords)
    if message is None or task is None:
        return None
    headers = {
        "lang": "py",
        "task": task,
        "id": message.step_id,
        "root_id": message.step_id,
        "parent_id": None,
        "group": None,
        "argsrepr": "()",
        "kwargsrepr": messages.shown(message),
        "ignore_result": True,
    }
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return _rebuild(envelope, ([], messages.encode(message), embed), headers)


def _control(envelope: _Envelope, body: bytes) -> dict[str, Any] | None:
    """Rebuild a remote control command. Return None if it is not in ``CONTROL``."""
    command = msgspec.json.decode(body, type=_Control)
    return _rebuild(envelope, command, {}) if command.method in CONTROL else None


def _rebuild(envelope: _Envelope, body: object, headers: dict[str, Any]) -> dict[str, Any]:
    """Return kombu's message with this body and these headers."""
    properties = envelope.properties
    return {
        "body": base64.b64encode(msgspec.json.encode(body)).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": properties.delivery_tag,
            "delivery_info": msgspec.to_builtins(properties.delivery_info),
        },
    }
