"""Notify a receiver of an event: at least once, in order, and retried with longer waits until the receiver accepts it."""

import random

from shared.domain.backup_health import BackupEvent
from shared.domain.limits import Limits
from shared.ports.key_health import Probes, Telling
from shared.ports.notices import BackupNotice, Notice, Noticed, Notices, NotTaken


def tell(notices: Notices, probes: Probes, telling: Telling, limits: Limits) -> bool:
    """Send the event, and store the outcome in SQL. Return whether the receiver accepted it.

    Raises what the catalog raises.
    """
    try:
        outcome = notices.send(notice_of(telling))
    except NotTaken as error:
        wait = min(limits.tell_most_seconds, limits.tell_seconds * 2.0 ** min(telling.tries - 1, 16))
        probes.not_told(telling, error.outcome, wait * random.uniform(0.5, 1.0))
        return False
    probes.told(telling, outcome)
    return True


def notice_of(telling: Telling) -> Notice | BackupNotice:
    """Return the notice of an event: ids, a state, messages and the key's ARN. It has no directory data and no secret."""
    event = telling.event
    if isinstance(event, BackupEvent):
        return BackupNotice(
            tenant=telling.tenant,
            tenant_id=telling.tenant_id,
            event=event.number,
            state=event.state,
            code=event.code,
            message=event.message,
            job=event.job_id,
            at=event.at,
        )
    return Notice(
        tenant=telling.tenant,
        tenant_id=telling.tenant_id,
        event=event.number,
        state=event.condition,
        code=event.code,
        message=event.message,
        arn=event.arn,
        at=event.at,
        warnings=[Noticed(warning=each.warning, message=each.message, at=each.at) for each in event.warnings],
    )
