"""Endpoints about notice targets of the installation, or of a tenant."""

from console.documents.notices import delivery_document, listed_target_document, new_target_document, target_document
from console.web.api.queries import TargetBody
from console.web.api.table import Answer, Call
from shared.engine.requests import notices


def every(call: Call) -> Answer:
    """Return the targets, by name, each with its newest deliveries."""
    return Answer(document=[listed_target_document(each) for each in notices.list_targets(call.catalog, _scope(call))])


def add(call: Call) -> Answer:
    """Add a target. Its address is sealed. The secret of a webhook's signatures is returned this once."""
    body: TargetBody = call.body
    added = notices.add_target(
        call.catalog,
        call.front.sealer,
        call.front.clock,
        _scope(call),
        name=body.name,
        kind=body.kind,
        address=body.address,
        notices=body.notices,
    )
    return Answer(document=new_target_document(added))


def test(call: Call) -> Answer:
    """Queue a test of a target. The list shows its outcome."""
    _, delivery_id = notices.send_test(call.catalog, _scope(call), call.path["target"])
    delivery = call.catalog.notice_targets(_scope(call)).delivery(delivery_id)
    return Answer(document=delivery_document(delivery))


def remove(call: Call) -> Answer:
    """Remove a target, with its deliveries. ``target`` is its name or id."""
    return Answer(document=target_document(notices.remove_target(call.catalog, _scope(call), call.path["target"])))


def _scope(call: Call) -> str | None:
    """Return the tenant's id, or None for the installation."""
    return None if call.tenant is None else call.tenant.tenant_id
