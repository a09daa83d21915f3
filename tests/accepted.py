"""Accept the terms of an own key without a change to it, as an earlier version did in a transaction of its own."""

from shared.adapters.catalog.key_requests import accept as accept_in
from shared.ports.catalog.customer_keys import Acceptance, AcceptedTerms
from shared.ports.catalog.tenant import TenantCatalog


def accept(
    tenant: TenantCatalog, arn: str, *, actor: str = "ada", version: str = "1", sha256: str = "a" * 64
) -> Acceptance:
    """Store that ``actor`` accepted the terms for the key ``arn``. Raise Refuse ``NO_SUCH_TENANT``."""
    with tenant.customer_keys._tenancy.write() as rows:  # type: ignore[attr-defined]
        rows.tenant(lock=True)
        return accept_in(rows, AcceptedTerms(actor=actor, version=version, sha256=sha256), arn)
