"""Notify a receiver of an event: at least once, in order, and retried with longer waits until the receiver accepts it."""

from shared.domain.backoff import Backoff
from shared.domain.backup_health import BackupEvent
from shared.domain.limits import Limits
from shared.ports.catalog.key_health import DueNotice, Probes
from shared.ports.notices import BackupNotice, Notice, Notices, NoticeWarning, NotTaken


def deliver(notices: Notices, probes: Probes, due_notice: DueNotice, limits: Limits) -> bool:
    """Send the event, and store the outcome in SQL. Return whether the receiver accepted it.

    Raises what the catalog raises.
    """
    try:
        outcome = notices.send(notice_of(due_notice))
    except NotTaken as error:
        backoff = Backoff(first=limits.notice_retry_seconds, longest=limits.notice_retry_most_seconds, jitter=0.5)
        probes.retry_delivery(due_notice, error.outcome, backoff.wait(due_notice.tries - 1))
        return False
    probes.mark_delivered(due_notice, outcome)
    return True


def notice_of(due_notice: DueNotice) -> Notice | BackupNotice:
    """Return the notice of an event: ids, a state, messages and the key's ARN. It has no directory data and no secret."""
    event = due_notice.event
    if isinstance(event, BackupEvent):
        return BackupNotice(
            tenant=due_notice.tenant,
            tenant_id=due_notice.tenant_id,
            event=event.number,
            state=event.state,
            code=event.code,
            message=event.message,
            job=event.job_id,
            at=event.at,
        )
    return Notice(
        tenant=due_notice.tenant,
        tenant_id=due_notice.tenant_id,
        event=event.number,
        state=event.condition,
        code=event.code,
        message=event.message,
        arn=event.arn,
        at=event.at,
        warnings=[NoticeWarning(warning=each.warning, message=each.message, at=each.at) for each in event.warnings],
    )
