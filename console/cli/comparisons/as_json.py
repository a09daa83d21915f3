"""A comparison as one JSON document, ``console.documents.comparisons.ComparisonDocument``, written while it is read.

The values are copied byte for byte, whatever is in them. The document's lists wait compressed in memory for their turn.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from console.cli.comparisons.spool import Spool
from console.documents.comparisons import CountDocument, UnknownDocument
from console.documents.times import moment
from shared.domain.compare import PropertyChange
from shared.engine.compare.comparing import Comparison
from shared.engine.compare.differences import Change, Difference
from shared.engine.compare.references import ids_in, reference_at


def json_document(comparison: Comparison, *, summary: bool) -> Iterator[bytes]:
    """Yield the document; with ``summary``, a ``ComparisonSummary``."""
    yield b"{\n"
    for side, point in zip("ab", comparison.snapshots, strict=True):
        yield b'"%b": %b,\n' % (side.encode(), _text(point.snapshot_id))
        yield b'"%b_created_at": %b,\n' % (side.encode(), _text(moment(point.created_at)))
    if summary:
        comparison.count_all()
    else:
        yield from _details(comparison)
    yield b'"summary": %b,\n"unknown": %b\n}\n' % (_summary(comparison), _unknown(comparison))


def _details(comparison: Comparison) -> Iterator[bytes]:
    """Yield the document's lists and names of records."""
    spools = {change: Spool() for change in Change}
    names = Spool()
    referenced: set[str] = set()
    for difference in comparison.differences():
        spool = spools[difference.change]
        text = _changed(difference) if difference.change is Change.CHANGED else _text(difference.key)
        spool.write(b"\n%b" % text if spool.empty else b",\n%b" % text)
        for key, name in _names(comparison, difference, referenced):
            names.write(b"%b\n%b: %b" % (b"" if names.empty else b",", _text(key), _text(name)))
    for change, spool in spools.items():
        yield b'"%b": [' % change.encode()
        yield from spool.read()
        yield b"],\n"
    yield b'"names": {'
    yield from names.read()
    yield b"},\n"


def _names(comparison: Comparison, difference: Difference, referenced: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the names of a difference's record and of the objects that it names, unless they are in ``referenced``."""
    if difference.name is not None:
        yield difference.key, difference.name
    for change in difference.properties:
        if reference_at(difference.resource, change.path) is not None:
            for each in {*ids_in(change.before), *ids_in(change.after)} - referenced:
                name = comparison.names.find(each)
                if name is not None:
                    referenced.add(each)
                    yield each, name


def _changed(difference: Difference) -> bytes:
    """Return the document of a changed record."""
    return b'{"key": %b, %b}' % (_text(difference.key), changed_properties(difference.properties))


def changed_properties(changes: Sequence[PropertyChange]) -> bytes:
    """Return the members ``properties`` and ``lists`` of a changed record, with each value byte for byte."""
    properties = _members((change.path, _list((change.before, change.after))) for change in changes)
    lists = _members((change.path, _list_change(change)) for change in changes if change.added is not None)
    return b'"properties": %b, "lists": %b' % (properties, lists)


def _list_change(change: PropertyChange) -> bytes:
    return b'{"added": %b, "removed": %b}' % (_list(change.added or []), _list(change.removed or []))


def _members(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    return b"{%b}" % b", ".join(b"%b: %b" % (_text(name), value) for name, value in pairs)


def _list(values: Iterable[bytes | None]) -> bytes:
    return b"[%b]" % b", ".join(b"null" if value is None else value for value in values)


def _summary(comparison: Comparison) -> bytes:
    rows = [
        CountDocument(
            resource=resource,
            added=number[Change.ADDED],
            removed=number[Change.REMOVED],
            changed=number[Change.CHANGED],
        )
        for resource, number in comparison.counts.items()
    ]
    return json.dumps(msgspec.to_builtins(rows)).encode()


def _unknown(comparison: Comparison) -> bytes:
    rows = [
        UnknownDocument(resource=each.resource, reason=each.reason, objects=each.objects) for each in comparison.unknown
    ]
    return json.dumps(msgspec.to_builtins(rows)).encode()


def _text(text: str | None) -> bytes:
    """Return a text as JSON in ASCII, which also unpaired surrogates survive."""
    return json.dumps(text).encode()
