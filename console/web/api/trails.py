"""Endpoints about audit trails: of a tenant, and of the installation."""

from console.documents.audit import event_document, trail_verification
from console.web.api.queries import AuditQuery
from console.web.api.table import Answer, Call
from shared.domain.audit import INSTALLATION
from shared.engine.audit_reading import exported_pages, verify_in_catalog
from shared.ports.catalog.audit import Audit, EventFilter


def events(call: Call) -> Answer:
    """Return the events of a trail, newest first, unchecked."""
    query: AuditQuery = call.query
    wanted = EventFilter(
        action=query.action,
        actor=query.actor,
        since=query.since,
        until=query.until,
        below=query.after,
        limit=query.limit + 1,
    )
    entries = _audit(call).find(wanted)
    documents = [event_document(entry, _name(call)) for entry in entries[: query.limit]]
    return Answer(document=documents, after=str(documents[-1].number) if len(entries) > query.limit else None)


def verify(call: Call) -> Answer:
    """Verify the whole trail as the catalog has it. The heads in the store are not read: 'audit verify' does that."""
    verdict = verify_in_catalog(_audit(call), _tenant_id(call))
    return Answer(document=trail_verification(verdict, _name(call)))


def export(call: Call) -> Answer:
    """Stream every event, oldest first: each line is one event as JSON with its hash."""
    return Answer(lines=exported_pages(_audit(call)))


def _audit(call: Call) -> Audit:
    """Return the trail that the path names."""
    return call.catalog.tenant(_tenant_id(call)).audit


def _tenant_id(call: Call) -> str:
    """Return the id of the trail's tenant, or the installation's."""
    return INSTALLATION if call.tenant is None else call.tenant.tenant_id


def _name(call: Call) -> str:
    """Return the name of the trail."""
    return "the installation" if call.tenant is None else call.tenant.name
