"""Until when a step of a job is left to ask KMS for the job's data key, while the others wait.

Code of revision 0002 gets along with it: it does not know the column, and asks without waiting.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("birth_until", sa.DateTime(timezone=True)))
    op.bulk_insert(sa.table("compatible_code", sa.column("revision", sa.String())), [{"revision": revision}])
