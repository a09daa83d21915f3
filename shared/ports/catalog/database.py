"""The database as a whole: the entry to all handles."""

from collections.abc import Collection
from typing import Protocol

import msgspec

from shared.domain.jobs import Job
from shared.domain.model import CredentialKind, Sealed, Tenant, WrappedKey
from shared.ports.catalog.audit import AuditedTenant
from shared.ports.catalog.challenges import Challenges
from shared.ports.catalog.fleet import Fleet
from shared.ports.catalog.key_health import Probes
from shared.ports.catalog.notices import InstallationKeys, NoticeDeliveries, NoticeTargets
from shared.ports.catalog.overview import Overview
from shared.ports.catalog.people import People
from shared.ports.catalog.queries import Queries
from shared.ports.catalog.scheduler import SchedulerCatalog
from shared.ports.catalog.sign_ins import SignIns
from shared.ports.catalog.stores import Stores
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.tokens import Tokens
from shared.ports.catalog.tries import Tries
from shared.ports.catalog.ways import SignInWays


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of overwriting deleted rows in the database's own files."""

    removed: bool | None
    """True if a search of the files proved that the bytes are gone; None if the files cannot be read."""
    message: str
    """A sentence for the user."""


class Catalog(Protocol):
    """The database as a whole: the entry to all handles."""

    @property
    def actor(self) -> str:
        """Return the actor whom audit events name."""

    def as_actor(self, actor: str) -> "Catalog":
        """Return the same catalog with ``actor`` as the one whom audit events name."""

    def tenant(self, tenant_id: str) -> TenantCatalog:
        """Return a handle bound to this tenant, without a query."""

    def find(self, name: str) -> Tenant:
        """Return the tenant with this name. Raise Refuse ``NO_SUCH_TENANT``."""

    def find_audited(self, name: str) -> AuditedTenant:
        """Return the tenant with this name or id, otherwise the last removed one. Raise Refuse ``NO_SUCH_TENANT``."""

    def tenants(self, limit: int | None = None) -> list[Tenant]:
        """Return the tenants, newest first: all, or at most ``limit``."""

    def check_addable(self, name: str, directory_id: str, *, readd: bool) -> None:
        """Raise Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS`` or ``DIRECTORY_WITHHELD`` if ``add_tenant`` would."""

    def add_tenant(
        self,
        tenant: Tenant,
        key: WrappedKey,
        kind: CredentialKind,
        sealed: Sealed,
        *,
        restore: tuple[CredentialKind, Sealed] | None = None,
        readd: bool = False,
    ) -> None:
        """Store the tenant, its ``secrets`` data key and its sealed credential, all or none.

        ``restore`` is the sealed credential of the restoring application, if the tenant has one.

        One directory is one tenant, even if several callers add it concurrently. Directory ids are compared without
        case. ``readd`` is the operator's consent to add a directory whose tenant was removed under a customer key. The
        installation's audit chain records both. Raise Refuse ``TENANT_EXISTS``, ``DIRECTORY_EXISTS`` and, without
        consent, ``DIRECTORY_WITHHELD``.
        """

    def purge(self, deleted: Collection[bytes]) -> Purged:
        """Overwrite the bytes of deleted rows in the database's files, and search the files for ``deleted``.

        If ``deleted`` is empty, rewrite the files whole, because there is nothing to search for. This takes seconds and
        waits for readers.
        """

    def find_job(self, job_id: str) -> Job:
        """Return a job of any tenant, for the command line. Raise Refuse ``NO_SUCH_JOB``."""

    def scheduler(self) -> SchedulerCatalog:
        """Return the scheduler's handle, which sees all tenants."""

    def probes(self) -> Probes:
        """Return the handle for key probes and notices of all tenants."""

    def notice_targets(self, tenant_id: str | None) -> NoticeTargets:
        """Return the handle for notice targets of the tenant, or with None for those of the installation."""

    def notice_deliveries(self) -> NoticeDeliveries:
        """Return the handle for the process that delivers notices."""

    def installation_keys(self) -> InstallationKeys:
        """Return the handle for the data keys of the installation."""

    def challenges(self) -> Challenges:
        """Return the handle for challenges of browsers."""

    def stores(self) -> Stores:
        """Return the handle for the identity of the blob store."""

    def queries(self) -> Queries:
        """Return the handle for lists."""

    def fleet(self) -> Fleet:
        """Return the handle for the tenants as their operator sees them."""

    def overview(self) -> Overview:
        """Return the handle for metrics of all tenants."""

    def people(self) -> People:
        """Return the handle for people and their grants."""

    def ways(self) -> SignInWays:
        """Return the handle for the ways in which people sign in."""

    def sign_ins(self) -> SignIns:
        """Return the handle for sign-ins."""

    def tokens(self) -> Tokens:
        """Return the handle for tokens of the API."""

    def tries(self) -> Tries:
        """Return the handle for failed tries to sign in."""

    def close(self) -> None:
        """Close every connection. Idempotent."""
