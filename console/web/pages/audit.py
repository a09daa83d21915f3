"""Pages of audit trails: of a tenant, and of the installation."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response, StreamingResponse

from console.documents.audit import EventDocument, TrailVerification, event_document, trail_verification
from console.web import commands
from console.web.addresses import address
from console.web.page import Page
from shared.domain.access import Action as Right
from shared.domain.audit import INSTALLATION, Action, Entry
from shared.domain.errors import Code, Refuse
from shared.engine.audit_reading import exported_pages, verify_in_catalog
from shared.ports.catalog.audit import EventFilter, Position

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.ports.catalog.audit import Audit

_FILTERS = ("who", "what", "since", "until")
_OF_INSTALLATION = "the installation"


class Row(NamedTuple):
    """A row of the list."""

    number: int
    event: EventDocument | None
    """The event, or None if it cannot be read."""
    about: list[tuple[str, str]]
    """Subjects and details."""


def show(ask: "Ask") -> Page:
    """Show the events that pass the filter in the address, newest first."""
    return _page(ask)


def verify(ask: "Ask") -> Page:
    """Verify the whole trail as SQL has it, and show the result above the events."""
    name, tenant_id = _chain(ask)
    return _page(ask, trail_verification(verify_in_catalog(_audit(ask), tenant_id), name or _OF_INSTALLATION))


def export(ask: "Ask") -> Response:
    """Stream the whole trail as a file of JSON lines, the same bytes as those of ``audit export``."""
    headers = {"content-disposition": f'attachment; filename="{_file(ask)}"'}
    return StreamingResponse(exported_pages(_audit(ask)), media_type="application/jsonl", headers=headers)


def _page(ask: "Ask", verified: TrailVerification | None = None) -> Page:
    """Return the page, with the result of a verification if there is one."""
    audit, (name, _) = _audit(ask), _chain(ask)
    limit, below = ask.front.limits.web_rows, _number(ask.query.text("below"))
    filters = {field: ask.query.text(field) for field in _FILTERS if ask.query.text(field)}
    entries = audit.find(_wanted(filters, below, limit + 1))
    position = audit.position()
    rows = [_row(entry, name or _OF_INSTALLATION) for entry in entries[:limit]]
    path = f"/t/{name}/audit" if name else "/audit"
    values: dict[str, Any] = {
        "path": path,
        "rows": rows,
        "filters": {field: filters.get(field, "") for field in _FILTERS},
        "narrow": bool(filters),
        "actions": _actions(),
        "next": address(path, {**filters, "below": str(rows[-1].number)}) if len(entries) > limit else None,
        "first": address(path, filters) if below is not None else None,
        "position": position,
        "anchored_at": _time_of(audit, position),
        "fits": position.newest == (position.head.number if position.head else 0),
        "verified": verified,
        "may_verify": _may(ask, Right.AUDIT_VERIFY),
        "may_export": _may(ask, Right.AUDIT_EXPORT),
        "verify_line": commands.verify_audit(name),
        "lines": [commands.show_audit(name), commands.verify_audit(name), commands.export_audit(name, _file(ask))],
    }
    return Page(template="audit.html", values=values)


def _chain(ask: "Ask") -> tuple[str | None, str]:
    """Return the tenant's name and id, or None and the id of the installation's chain."""
    return (ask.tenant.name, ask.tenant.tenant_id) if ask.tenant else (None, INSTALLATION)


def _audit(ask: "Ask") -> "Audit":
    """Return the trail of the page."""
    return ask.catalog.tenant(_chain(ask)[1]).audit


def _may(ask: "Ask", right: Right) -> bool:
    """Return True if the visitor may do this with the trail of the page."""
    return ask.visitor.may(right, ask.tenant.tenant_id if ask.tenant else None)


def _file(ask: "Ask") -> str:
    """Return the name of the exported file."""
    return f"{_chain(ask)[0] or 'installation'}-audit.jsonl"


def _wanted(filters: Mapping[str, str], below: int | None, limit: int) -> EventFilter:
    """Return the filter of the catalog. Raise Refuse ``WRONG_USE`` for a day that is none."""
    what, until = filters.get("what", ""), _day(filters.get("until"))
    family = what.removesuffix(".*") if what.endswith(".*") else None
    return EventFilter(
        action=None if family or not what else what,
        family=family,
        actor=filters.get("who"),
        since=_day(filters.get("since")),
        until=None if until is None else until + timedelta(days=1),
        below=below,
        limit=limit,
    )


def _day(text: str | None) -> datetime | None:
    """Return the beginning of a day in UTC. Raise Refuse ``WRONG_USE``."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day.year < 9999 else None
    except ValueError:
        raise Refuse(Code.WRONG_USE, f"'{text}' is not a day; give one such as 2026-11-30.") from None


def _number(text: str) -> int | None:
    """Return the number of an event in the address. Raise Refuse ``WRONG_USE``."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise Refuse(Code.WRONG_USE, "The address names no page of this list. Begin at its first page.")
    return int(text)


def _row(entry: Entry, name: str) -> Row:
    """Return the row of an entry."""
    try:
        event = event_document(entry, name)
    except Refuse:
        return Row(entry.number, None, [])
    pairs = {**event.subject, **event.detail}
    words = [
        (field.replace("_", " "), str(value).lower() if isinstance(value, bool) else str(value))
        for field, value in pairs.items()
        if value is not None
    ]
    return Row(entry.number, event, words)


def _time_of(audit: "Audit", position: Position) -> datetime | None:
    """Return the time of the newest event whose hash is in the store, or None if there is none."""
    for entry in audit.entries(position.anchored - 1, 1) if position.anchored else ():
        row = _row(entry, "")
        return datetime.fromisoformat(row.event.at) if row.event else None
    return None


def _actions() -> list[tuple[str, str]]:
    """Return the choices of actions: all, and each family before its members."""
    return [("", "Anything"), *_choices()]


def _choices() -> Iterator[tuple[str, str]]:
    """Yield each action, and before actions with one first word this word for all of them."""
    for family, actions in groupby(sorted(action.value for action in Action), lambda name: name.partition(".")[0]):
        members = list(actions)
        if len(members) > 1:
            yield f"{family}.*", f"{family} (all)"
        yield from ((member, member) for member in members)
