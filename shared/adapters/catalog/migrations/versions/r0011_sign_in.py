"""Add to tenants when the client secret or certificate expires.

Code of revision 0002 is compatible. It does not know the column, and leaves it empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("sign_in_expires_at", sa.DateTime(timezone=True)))
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
