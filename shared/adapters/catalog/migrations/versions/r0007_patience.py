"""Add to steps how often they started over, and since when Graph answers other streams while they are in trouble.

Code of revision 0002 is compatible. It does not know the columns, and decides without them how long to retry.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("steps", sa.Column("alone_since", sa.DateTime(timezone=True)))
    op.add_column("steps", sa.Column("fresh_starts", sa.Integer(), nullable=False, server_default="0"))
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
