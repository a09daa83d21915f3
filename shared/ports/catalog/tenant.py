"""The handle on one tenant's rows, from which its narrower handles come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.model import CredentialKind, Sealed, Tenant
from shared.domain.resources.choice import Choice
from shared.ports.catalog.audit import Audit
from shared.ports.catalog.claims import Claims
from shared.ports.catalog.customer_keys import CustomerKeys
from shared.ports.catalog.jobs import Jobs
from shared.ports.catalog.key_health import Health
from shared.ports.catalog.keys import Keys
from shared.ports.catalog.restores import Restores
from shared.ports.catalog.schedules import Schedules
from shared.ports.catalog.snapshots import Snapshots
from shared.ports.catalog.upkeep import Upkeep


class TenantCatalog(Protocol):
    """The rows of one tenant in SQL."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def claims(self) -> Claims: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def customer_keys(self) -> CustomerKeys: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def health(self) -> Health: ...
    @property
    def restores(self) -> Restores: ...
    @property
    def audit(self) -> Audit: ...

    def tenant(self) -> Tenant:
        """Return the tenant. Raise Refuse ``NO_SUCH_TENANT``."""

    def update(
        self, *, client_id: str, kind: CredentialKind, sealed: Sealed, expires_at: datetime | None = None
    ) -> None:
        """Replace the reading application, its sealed credential and the credential's expiry, together.

        Raise Refuse ``DIRECTORY_EXISTS`` if a rebuild restored the tenant without a credential while another tenant of
        its directory has one.
        """

    def update_restore_identity(
        self, *, client_id: str, kind: CredentialKind, sealed: Sealed, expires_at: datetime | None = None
    ) -> None:
        """Replace the restoring application, its sealed credential and the credential's expiry, together."""

    def choose(self, *, without: Sequence[str] = (), with_: Sequence[str] = ()) -> Choice:
        """Switch families and resources off, then others on, as ``Choice.changed`` does. Return the new choice.

        It holds from the next planned backup on. Raise Refuse ``WRONG_USE`` if a backup would read nothing.
        """

    def remove(self) -> frozenset[bytes]:
        """Remove the tenant and its rows except its audit trail. Return the wrapped data keys that were deleted.

        These are all generations. Running steps lose their claims. If the tenant had a customer key, its directory is
        withheld from then on.
        """
