"""The audit event of a restore that is refused before anything is written."""

from shared.domain.audit import Action
from shared.domain.errors import Code, Refuse
from shared.ports.catalog.tenant import TenantCatalog

_REFUSALS = frozenset({Code.NO_RESTORE_IDENTITY, Code.PLAN_OUTDATED, Code.PLAN_EXPIRED, Code.NO_SUCH_PLAN})


def note_refusal(catalog: TenantCatalog, refusal: Refuse, *, snapshot: str | None, plan: str | None) -> None:
    """Append the event of a refused restore, unless the refusal does not concern the restore itself."""
    if refusal.code in _REFUSALS:
        subject = {name: value for name, value in (("snapshot", snapshot), ("plan", plan)) if value is not None}
        catalog.audit.append(Action.RESTORE_REFUSED, subject, code=refusal.code)
