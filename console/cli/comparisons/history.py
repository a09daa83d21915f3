"""The history of an object: as JSON, ``console.documents.comparisons.HistoryDocument``, and as text for a terminal."""

import json
from collections.abc import Iterator

from console.cli.comparisons.as_json import changed_properties
from console.cli.comparisons.as_table import property_lines
from console.cli.comparisons.visible import name_of
from console.cli.output import printable
from console.documents.times import moment, to_second
from shared.engine.compare.naming import Names
from shared.engine.compare.timeline import HistoryEvent


def event_document(event: HistoryEvent) -> bytes:
    """Return the line of an event's document, with each value byte for byte."""
    difference = event.difference
    fields = {
        "at": moment(event.snapshot.created_at),
        "snapshot": event.snapshot.snapshot_id,
        "previous": event.previous,
        "resource": event.resource,
        "change": event.happened,
        "key": difference.key if difference is not None else None,
        "name": difference.name if difference is not None else None,
        "reason": event.reason,
    }
    properties = changed_properties(difference.properties if difference is not None else [])
    return json.dumps(fields).removesuffix("}").encode() + b", %b}\n" % properties


def event_lines(events: Iterator[HistoryEvent], names: Names) -> Iterator[bytes]:
    """Yield the text of each event, with a heading for each snapshot."""
    snapshot_id = None
    for event in events:
        if event.snapshot.snapshot_id != snapshot_id:
            gap = "" if snapshot_id is None else "\n"
            snapshot_id = event.snapshot.snapshot_id
            yield f"{gap}{to_second(moment(event.snapshot.created_at))}  {snapshot_id}\n".encode()
        yield "".join(_lines(event, names)).encode("utf-8", "backslashreplace")


def _lines(event: HistoryEvent, names: Names) -> Iterator[str]:
    """Yield the lines of an event."""
    difference = event.difference
    if difference is None:
        yield f"  {event.happened:<8}  {event.resource}: {printable(event.reason or '')}\n"
        return
    name = name_of(difference)
    yield f"  {event.happened:<8}  {name}{'  ' if name else ''}{difference.key}\n"
    yield from property_lines(difference, names)
