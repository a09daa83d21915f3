"""Add to beats why the broker takes no messages, as beat has found.

Code of revision 0002 is compatible. It does not know the column, and reports nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("beats", sa.Column("broker_trouble", sa.String()))
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
