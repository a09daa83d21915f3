"""A plan as text: one line of JSON for the plan, then one for each operation and each difference that is not restored.

The text is what a person looks at, what is sealed in parts, and what is hashed. Equal plans have equal texts.
"""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.restore.operations import Impossible, Operation, Plan

FORMAT = "entrakeep-plan/1"
_JSON = ("body", "before")
"""Fields of an operation that contain JSON, which is written as such."""


class _Written(Operation, frozen=True, kw_only=True, omit_defaults=True):
    """An operation as it is written."""

    body: msgspec.Raw = msgspec.Raw(b"")
    before: msgspec.Raw = msgspec.Raw(b"")


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the text."""

    format: str = ""
    plan: msgspec.Raw = msgspec.Raw(b"")
    operation: _Written | None = None
    impossible: Impossible | None = None


_DECODER = msgspec.json.Decoder(_Line)


def lines_of(plan: Plan) -> Iterator[bytes]:
    """Yield the lines of a plan's text, each with its line break."""
    head = msgspec.structs.replace(plan, operations=[], impossible=[])
    yield _line(_Line(format=FORMAT, plan=msgspec.Raw(msgspec.json.encode(head))))
    for operation in plan.operations:
        yield _line(_Line(operation=_written(operation)))
    for impossible in plan.impossible:
        yield _line(_Line(impossible=impossible))


def sha256_of(lines: Iterable[bytes]) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def plan_of(lines: Iterable[bytes]) -> Plan:
    """Return the plan of a text.

    Raise Refuse ``WRONG_USE`` if it is not a plan, ``FORMAT_UNKNOWN`` if it is of a newer version.
    """
    head: Plan | None = None
    operations, impossible = list[Operation](), list[Impossible]()
    try:
        for text in lines:
            line = _DECODER.decode(text)
            if head is None:
                head = _head_of(line)
            if line.operation is not None:
                operations.append(_read(line.operation))
            if line.impossible is not None:
                impossible.append(line.impossible)
    except msgspec.DecodeError:
        raise _no_plan() from None
    if head is None:
        raise _no_plan()
    return msgspec.structs.replace(head, operations=operations, impossible=impossible)


def _line(line: _Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _head_of(line: _Line) -> Plan:
    """Return the plan without its operations. Raise Refuse if the line does not begin a plan's text."""
    if line.format.startswith("entrakeep-plan/") and line.format != FORMAT:
        raise Refuse(Code.FORMAT_UNKNOWN, f"The plan has the format {line.format}; update Entrakeep to read it.")
    if line.format != FORMAT:
        raise _no_plan()
    return msgspec.json.decode(line.plan, type=Plan)


def _no_plan() -> Refuse:
    return Refuse(
        Code.WRONG_USE, "This is not a plan of Entrakeep. Save one with 'entrakeep plan show NAME PLAN --plan-out F'."
    )


def _written(operation: Operation) -> _Written:
    """Return an operation in the form that a plan's text has."""
    fields = msgspec.structs.asdict(operation)
    for name in _JSON:
        text = fields.pop(name)
        if text:
            fields[name] = msgspec.Raw(text)
    return _Written(**fields)


def _read(written: _Written) -> Operation:
    """Return the operation of a line."""
    fields = msgspec.structs.asdict(written)
    for name in _JSON:
        fields[name] = bytes(fields[name]) or None
    return Operation(**fields)
