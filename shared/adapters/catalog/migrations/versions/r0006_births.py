"""Add to jobs when the reservation to create the job's data key expires, while other steps wait.

Code of revision 0002 is compatible. It does not know the column, and asks KMS without waiting.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("birth_until", sa.DateTime(timezone=True)))
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
