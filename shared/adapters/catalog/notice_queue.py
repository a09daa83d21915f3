"""Queue notices in the transaction of their cause. The process that delivers them addresses them to targets later."""

import msgspec

from shared.adapters.catalog.schema import notices
from shared.adapters.catalog.tenancy import Changes, new_id
from shared.domain.notices import Happening


def queue_notice(rows: Changes, happening: Happening | None) -> None:
    """Queue the notice of something that this transaction stores; nothing for None.

    Targets are not read here: a transaction of one tenant cannot see those of the installation, and must not wait for them.
    """
    if happening is not None:
        rows.insert(
            notices,
            notice_id=new_id(),
            notice=happening.kind.value,
            body=msgspec.to_builtins(happening),
            made_at=rows.now,
        )
