"""Sending messages to the broker for steps that may be claimed."""

from shared.engine.context import Context


def send_due(context: Context) -> int:
    """Send a message for every step whose message is due. Return how many messages the broker accepted.

    The rows are marked as sent before the messages go out. If the broker does not answer, the unsent rows become due
    again after ``broker_seconds``, as if never sent.
    """
    limits = context.limits
    scheduler = context.catalog.scheduler()
    steps = scheduler.to_send(
        resend=limits.resend_seconds,
        resend_most=limits.resend_most_seconds,
        worker_seen=limits.worker_seen_seconds,
        tenant_steps=limits.tenant_steps,
    )
    for sent, step in enumerate(steps):
        if not context.dispatch.send(step):
            scheduler.not_sent(steps[sent:], limits.broker_seconds)
            return sent
    return len(steps)
