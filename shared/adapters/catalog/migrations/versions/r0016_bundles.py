"""Add the bundles of steps, each tenant's choice of what is backed up, and how often it is read in full.

Code of revision 0002 is compatible. It does not know the columns: its steps belong to no bundle, and it claims steps one
by one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("steps", sa.Column("bundle", sa.Integer()))
    op.add_column("tenants", sa.Column("choice", sa.JSON()))
    op.add_column("tenants", sa.Column("full_every", sa.Integer()))
    compatible = sa.table("compatible_code", sa.column("revision", sa.String()))
    op.bulk_insert(compatible, [{"revision": revision}])
