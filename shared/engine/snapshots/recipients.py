"""Outputs that only their recipients can read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.engine.snapshots.download import Sink
from shared.vault.age import encrypted, recipient_of


@contextmanager
def to_recipients(sink: Sink, recipients: Sequence[str]) -> Iterator[Sink]:
    """Yield a sink whose bytes are encrypted to these age or SSH public keys. Yield ``sink`` itself if there are none.

    Raise Refuse ``WRONG_USE`` for a text that is not a public key.
    """
    if not recipients:
        yield sink
        return
    with encrypted(sink, [recipient_of(each) for each in recipients]) as output:
        yield output


def check_recipients(recipients: Sequence[str]) -> None:
    """Raise Refuse ``WRONG_USE`` unless each text is a public key."""
    for each in recipients:
        recipient_of(each)
