"""Deliver due notices to their targets, each in a thread of its own, so that a slow target delays no other."""

import logging
import threading
from dataclasses import dataclass, field

import msgspec

from shared.domain.backoff import Backoff
from shared.domain.errors import Alarm, Code, EntrakeepError
from shared.domain.limits import Limits
from shared.domain.notices import NoticeKind, TargetSecret
from shared.engine.notices.installation_key import InstallationKeyring
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.notices import DueDelivery, SealedTarget
from shared.ports.notices import NoticeSender, NotTaken

log = logging.getLogger(__name__)

_DAMAGED = "the target does not open: remove it and add it again"


@dataclass(frozen=True, kw_only=True)
class Delivering:
    """What deliveries need: ports and limits."""

    catalog: Catalog
    keyring: InstallationKeyring
    sender: NoticeSender
    limits: Limits


@dataclass
class _Running:
    """The targets to which a delivery is under way in this process."""

    first_tries: set[str] = field(default_factory=set)
    retries: set[str] = field(default_factory=set)


class Notifier:
    """Takes as many due deliveries as there are free threads. Retries have threads of their own.

    So targets that do not answer hold up only each other. The rest stays in SQL, where another process may take it.
    """

    def __init__(self, delivering: Delivering) -> None:
        self._delivering = delivering
        self._running = _Running()
        self._changed = threading.Condition()

    def once(self) -> int:
        """Address queued notices and start the due deliveries. Return their number. Raise what the catalog raises."""
        delivering = self._delivering
        port, limits = delivering.catalog.notice_deliveries(), delivering.limits
        port.address(limits.notices_addressed)
        started = 0
        for retries, running in ((False, self._running.first_tries), (True, self._running.retries)):
            with self._changed:
                busy = [*self._running.first_tries, *self._running.retries]
                free = limits.deliveries - len(running)
            for due in port.take(free, limits.delivery_seconds, retries=retries, without=busy):
                self._start(due, running)
                started += 1
        return started

    def rest(self, seconds: float) -> bool:
        """Wait until all started deliveries have ended. Return False if that takes longer than ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._running.first_tries or self._running.retries), seconds)

    def _start(self, due: DueDelivery, running: set[str]) -> None:
        """Try a delivery in a thread of its own."""
        with self._changed:
            running.add(due.target.target.target_id)
        threading.Thread(target=self._run, args=(due, running), name="delivery", daemon=True).start()

    def _run(self, due: DueDelivery, running: set[str]) -> None:
        """Try a delivery and log an error. Count the thread as free afterwards."""
        target = due.target.target
        try:
            deliver(self._delivering, due)
        except EntrakeepError as error:
            log.warning("delivery failed: %s", error)
        except Exception as error:  # its text may contain the target's address
            log.error("delivery failed with unexpected %s", type(error).__name__)
        finally:
            with self._changed:
                running.discard(target.target_id)
                self._changed.notify_all()


def deliver(delivering: Delivering, due: DueDelivery) -> bool:
    """Try a delivery once, and store the outcome in SQL. Return True if the receiver took it.

    Raise what the catalog raises.
    """
    port, limits, may_retry = delivering.catalog.notice_deliveries(), delivering.limits, True
    try:
        receiver = opened_target(delivering.keyring, due.target)
        outcome = delivering.sender.send(receiver, due.notice)
    except NotTaken as error:
        outcome = error.outcome
    except Alarm:
        outcome, may_retry = _DAMAGED, False
    except EntrakeepError as error:
        if error.code is Code.CATALOG_UNREACHABLE:
            raise
        outcome = f"the installation's data key cannot be used: {error.code.value}"
    except Exception as error:
        # A defect of a library must not try a target for ever at once. Its text may contain the target's address.
        outcome = f"unexpected {type(error).__name__}"
    else:
        port.mark_delivered(due, outcome)
        return True
    if due.notice.notice == NoticeKind.TEST:
        may_retry = False
    backoff = Backoff(first=limits.notice_retry_seconds, longest=limits.notice_retry_most_seconds, jitter=0.5)
    port.mark_failed(due, outcome, backoff.wait(due.tries - 1) if may_retry else None)
    log.info("a notice was not taken: %s", outcome, extra={"tenant": due.notice.tenant_id})
    return False


def opened_target(keyring: InstallationKeyring, sealed: SealedTarget) -> TargetSecret:
    """Return the target's address and secret.

    Raise Alarm ``BLOB_DAMAGED`` if the seal is another target's, and what the keyring raises.
    """
    target = sealed.target
    try:
        secret = msgspec.json.decode(keyring.open(sealed.data_key_id, sealed.data), type=TargetSecret)
    except msgspec.DecodeError:
        raise _swapped() from None
    if (secret.target_id, secret.tenant_id, secret.kind) != (target.target_id, target.tenant_id, target.kind):
        raise _swapped()
    return secret


def _swapped() -> Alarm:
    return Alarm(Code.BLOB_DAMAGED, "The seal of a notice target belongs to another target.", "notice target")
