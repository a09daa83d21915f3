"""Sending messages for steps that may be claimed."""

from shared.engine.context import Context


def send_due(context: Context) -> int:
    """Sends a message for every step whose message is due. How many the broker took.

    The rows are marked as sent before; where the broker does not answer, the rest waits for its next turn.
    """
    limits = context.limits
    steps = context.catalog.scheduler().to_send(
        resend=limits.resend_seconds,
        resend_most=limits.resend_most_seconds,
        worker_seen=limits.worker_seen_seconds,
        tenant_steps=limits.tenant_steps,
    )
    for sent, step in enumerate(steps):
        if not context.dispatch.send(step):
            return sent
    return len(steps)
