"""Add which blob store belongs to the catalog, by the id in the store's mark.

Code of revision 0002 is compatible. It does not know the table, and reads no mark.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "stores",
        sa.Column("store", sa.String(length=16), nullable=False),
        sa.Column("store_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("store", name="pk_stores"),
    )
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
