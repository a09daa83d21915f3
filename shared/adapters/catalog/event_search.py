"""Conditions that choose audit events by the text of their lines.

A line is canonical JSON that begins with ``action``, ``actor`` and ``at``. A quotation mark always ends a text in it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Function, func

from shared.adapters.catalog.schema import audit_events
from shared.domain.audit import canonical
from shared.ports.catalog.audit import EventFilter

_AT = '","at":"'
_TIME = len("2026-05-01T12:00:00.000000Z")


def events_wanted(wanted: EventFilter, dialect: str) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions for the events that pass the filter, in a database of this dialect."""
    line = audit_events.c.line
    if wanted.below is not None:
        yield audit_events.c.number < wanted.below
    if wanted.action is not None:
        yield _begins(line, canonical({"action": wanted.action}).removesuffix("}"))
    if wanted.family is not None:
        yield _begins(line, canonical({"action": f"{wanted.family}."}).removesuffix('"}'))
    if wanted.actor is not None:
        yield _position(line, f"{_member('actor', wanted.actor)}{_AT[1:]}", dialect) > 0
    if wanted.job is not None:
        yield _position(line, _member("job", wanted.job), dialect) > 0
    time = func.substr(line, _position(line, _AT, dialect) + len(_AT), _TIME)
    if wanted.since is not None:
        yield time >= _text(wanted.since)
    if wanted.until is not None:
        yield time < _text(wanted.until)


def _member(name: str, value: str) -> str:
    """Return a member of a JSON object, without its braces."""
    return canonical({name: value})[1:-1]


def _begins(line: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a line begins with a text."""
    return func.substr(line, 1, len(text)) == text


def _position(line: ColumnElement[str], text: str, dialect: str) -> Function[Any]:
    """Return the position of a text in a line, from 1, or 0 if it is not there."""
    return func.instr(line, text) if dialect == "sqlite" else func.strpos(line, text)


def _text(time: datetime) -> str:
    """Return a time as events have it."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
