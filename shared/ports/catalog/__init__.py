"""The catalog: the SQL database that stores tenants, jobs, claims, snapshots and keys. A module describes each handle.

SQL is authoritative for them. A handle is bound to one tenant (``tenant.TenantCatalog``): every query through it names
that tenant. Only the handles of the scheduler, of key probes and of overviews see all tenants.

Each method is one transaction. It is atomic, is committed when the method returns, and is never open during a call to
Graph, KMS or the store. All methods raise ``Refuse`` with ``CATALOG_UNREACHABLE`` or ``CATALOG_NEEDS_MIGRATION``. The
database's clock times the claims. Methods block, and handles may be used from any thread.
"""
