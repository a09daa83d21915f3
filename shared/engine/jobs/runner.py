"""Running a step: claim it, renew the claim, do its work, and store in SQL what each kind of error means for it."""

import errno
import logging
import time
from contextlib import suppress

from shared.domain.errors import (
    Alarm,
    Answer,
    Cancelled,
    ClaimLost,
    Code,
    EntrakeepError,
    GraphTrouble,
    KeyRefused,
    KeyTrouble,
    Refuse,
    Retry,
    Unexpected,
)
from shared.domain.jobs import KINDS, Claim, JobState
from shared.domain.jobs.backoff import shortest_wait
from shared.engine.audit import anchor_softly
from shared.engine.context import Context
from shared.engine.jobs.ending import Ending, ending_of, ending_unclaimed
from shared.engine.jobs.registry import STEPS
from shared.engine.jobs.sending import send_due
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.claim_keeper import ClaimKeeper
from shared.engine.steps.work import TimeSliceOver, WaitFor, Work
from shared.messages import StepMessage
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.observer import Point

log = logging.getLogger(__name__)

_SHORTAGES = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN})
"""Errors of system calls on a machine that is short of memory, descriptors or processes."""
_Early = EntrakeepError | TimeSliceOver | WaitFor
"""What ends a step early."""
_End = tuple[bool, _Early | None]
"""True if the next phase opened, and the error that ended the step early, if one did."""


def run_step(context: Context, message: StepMessage, holder: str) -> Ending:
    """Run the step that the message names, if it can be claimed; otherwise do nothing (a duplicate message is cheap).

    ``holder`` is ``<worker>/<process id>``. Expected errors are not raised: the step's state is stored in SQL when this
    returns. An unexpected exception fails the job with ``UNEXPECTED`` and is raised. If the machine is short of memory,
    descriptors or processes, the exception is raised and the claim expires. The step is then retried a few times,
    perhaps on another machine.
    """
    worker, _, _ = holder.rpartition("/")
    catalog = context.catalog.as_actor(worker).tenant(message.tenant_id)
    claim = catalog.claims.claim(message.job_id, message.step_id, holder, context.limits.claim_seconds)
    if claim is None:
        return ending_unclaimed(catalog, message)
    context.observer.reach(Point.CLAIMED)
    context.observer.begin_step(claim)
    started_at = context.clock.monotonic()
    try:
        opened, error = _run_claimed(context, catalog, claim)
        seconds = context.clock.monotonic() - started_at
        context.observer.end_step(claim, seconds, _code(error), early=error is not None)
    finally:
        context.observer.flush()
    anchor_softly(context, catalog)
    if opened:
        context.observer.reach(Point.PHASE_OPENED)
        send_due(context)
    return ending_of(catalog, message, error)


def _run_claimed(context: Context, catalog: TenantCatalog, claim: Claim) -> _End:
    """Run the step while its claim is renewed. Return whether the next phase opened, and the error that ended it early."""
    with ClaimKeeper(catalog.claims, claim, context.limits, context.clock.monotonic) as hold:
        try:
            return _run_and_store(context, catalog, hold)
        except EntrakeepError:
            raise  # the catalog did not store what the error means for the step: the claim expires
        except Exception as error:
            if not _is_shortage(error):
                _fail_unexpected(catalog, claim, error)
            raise


def _run_and_store(context: Context, catalog: TenantCatalog, hold: ClaimKeeper) -> _End:
    """Run the step, and store in SQL how it ended. Return as ``_run_claimed`` does."""
    claim = hold.claim
    try:
        retry_seconds = context.limits.check_retry_seconds if KINDS[claim.kind].person_waits else None
        with ProcessKeys(context, catalog, retry_seconds) as keys:
            return _work(Work(context, catalog, claim, hold, keys)), None
    except (EntrakeepError, TimeSliceOver, WaitFor) as error:
        try:
            return _store_fate(context, catalog, claim, error), error
        except ClaimLost:
            return False, error


def _is_shortage(error: Exception) -> bool:
    """Return True if the machine is short of memory, descriptors or processes; otherwise the code is wrong."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORTAGES)


def _fail_unexpected(catalog: TenantCatalog, claim: Claim, error: Exception) -> None:
    """Fail the job, because a retry would hit the same defect."""
    defect = Unexpected(error)
    with suppress(EntrakeepError):  # the claim was lost, or the catalog does not answer and the claim expires
        catalog.claims.fail(claim, defect.code, defect.message)


def _work(work: Work) -> bool:
    """Run the step's function. Return True if that opened the next phase."""
    claim = work.claim
    if KINDS[claim.kind].needs_store:
        work.context.store.check()  # first, so that nothing is read from Graph that cannot be stored
    return STEPS[claim.kind][claim.phase](work)


def _store_fate(context: Context, catalog: TenantCatalog, claim: Claim, error: _Early) -> bool:
    """Store in SQL what the error means for the step. Return True if the next phase opened. Raises ClaimLost."""
    if isinstance(error, TimeSliceOver):
        catalog.claims.release_step(claim, after=0.0, trouble=None)
    elif isinstance(error, WaitFor):
        catalog.claims.release_step(claim, after=error.seconds, trouble=None)
    elif isinstance(error, Cancelled):
        catalog.claims.fail(claim, error.code, error.message, state=JobState.CANCELLED)
    elif isinstance(error, KeyRefused):
        # ProcessKeys has already ended the jobs if SQL still names the key. This ends our job if the key is not in SQL.
        catalog.claims.fail(claim, error.code, error.message)
    elif isinstance(error, Retry):
        return _retry_later(context, catalog, claim, error)
    elif isinstance(error, ClaimLost):
        pass
    elif error.code is Code.CATALOG_UNREACHABLE:
        _release_when_reachable(context, catalog, claim)
    elif isinstance(error, Alarm):
        log.error("stored bytes are damaged", extra={"tenant": claim.tenant_id, "blob": error.blob})
        catalog.claims.fail(claim, error.code, error.message)
    else:
        catalog.claims.fail(claim, error.code, error.message)
    return False


def _release_when_reachable(context: Context, catalog: TenantCatalog, claim: Claim) -> None:
    """Release the step once the database answers again, without counting the attempt.

    A short outage of the database loses no work. If the outage lasts longer than the claim, the claim expires.
    """
    deadline = context.deadline(claim.seconds)
    while not deadline.over:
        try:
            catalog.claims.release_step(claim, after=context.limits.resend_seconds, trouble=None)
        except Refuse:
            time.sleep(context.limits.catalog_retry_seconds)
        else:
            return


def _retry_later(context: Context, catalog: TenantCatalog, claim: Claim, error: Retry) -> bool:
    """Release the step, without counting the attempt, until the trouble has lasted too long.

    Then the step fails its job; a backup's reading step of a stream in trouble ends without data. Return True if the next
    phase opened.
    """
    limits = context.limits
    longest = limits.key_trouble_seconds if isinstance(error, KeyTrouble) else limits.graph_trouble_seconds
    after = shortest_wait(error.after, limits.resend_seconds, limits.step_wait_most_seconds)
    alone = isinstance(error, GraphTrouble) and error.alone
    lasted = catalog.claims.release_step(claim, after=after, trouble=error, alone=alone)
    if lasted.seconds < longest and not (alone and lasted.alone >= limits.stream_trouble_seconds):
        return False
    last_claim = catalog.claims.claim(claim.job_id, claim.step_id, "ending", limits.claim_seconds)
    if last_claim is None:
        return False
    if isinstance(error, GraphTrouble) and KINDS[claim.kind].phases[claim.phase].may_fail:
        catalog.claims.drop_checkpoints(last_claim)
        return catalog.claims.finish(last_claim, answer=Answer.FAILED, request_id=error.request_id)
    catalog.claims.fail(last_claim, error.code, error.message)
    return False


def _code(error: _Early | None) -> Code | None:
    """Return the error's code. A finished step, a time slice that is over, and a wait for another job have none."""
    return error.code if isinstance(error, EntrakeepError) else None
