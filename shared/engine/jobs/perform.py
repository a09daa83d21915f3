"""Performing a step: claim it, hold it, do its work, and turn every branch of the error tree into its fate in SQL."""

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
from shared.domain.model import Claim, JobKind, JobState, Phase
from shared.engine.audit import anchor_softly
from shared.engine.backup import commit_step, compact_step, read_step
from shared.engine.context import Context
from shared.engine.custody import Custody
from shared.engine.hold import Hold
from shared.engine.jobs.ending import Ending, ending_of, ending_unclaimed
from shared.engine.jobs.sending import send_due
from shared.engine.key_check import key_check_step
from shared.engine.key_management import key_change_step
from shared.engine.sweep import sweep_step
from shared.engine.verify import verify_step
from shared.engine.work import StepTired, Work
from shared.messages import StepMessage
from shared.ports.catalog import TenantCatalog

log = logging.getLogger(__name__)

_CHECK_SECONDS = 10.0
"""Seconds for which a key check asks again while KMS is in trouble."""
_LONGEST_WAIT = 3600.0
"""Seconds that a step is put off at most, whatever the other side asks for."""
_SHORT_OF = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN})
"""What a call to the operating system fails with on a machine that is short of memory, descriptors or processes."""
_End = tuple[bool, EntrakeepError | StepTired | None]
_BACKUP = {
    Phase.READ: read_step,
    Phase.SECOND_ROUND: read_step,
    Phase.COMPACT: compact_step,
    Phase.COMMIT: commit_step,
}


def perform(context: Context, message: StepMessage, holder: str) -> Ending:
    """Do the step that the message names, if it may be claimed; else nothing (a duplicate message is cheap).

    ``holder`` is ``<worker>/<process id>``. Raises nothing that a step can meet: its fate stands in SQL when this
    returns. An unexpected exception fails the job with ``UNEXPECTED`` and is raised; where the machine is short of
    something, the claim is left to expire, so that the step is tried again a few times, perhaps elsewhere.
    """
    worker, _, _ = holder.rpartition("/")
    catalog = context.catalog.by(worker).tenant(message.tenant_id)
    claim = catalog.claims.claim(message.job_id, message.step_id, holder, context.limits.claim_seconds)
    if claim is None:
        return ending_unclaimed(catalog, message)
    context.at("claimed")
    log.info("step begins", extra={"tenant": claim.tenant_id, "job": claim.job_id, "step": claim.name})
    try:
        opened, error = _held(context, catalog, claim)
    finally:
        context.flush_usage()
    anchor_softly(context, catalog)
    if opened:
        context.at("phase-opened")
        send_due(context)
    return ending_of(catalog, message, error)


def _held(context: Context, catalog: TenantCatalog, claim: Claim) -> _End:
    """Return whether the step's end opened the next phase, and what ended it early."""
    with Hold(catalog.claims, claim, context.limits.renew_seconds) as hold:
        try:
            return _done(context, catalog, hold)
        except EntrakeepError:
            raise  # the catalog did not take the step's fate: the claim expires
        except Exception as error:
            if not _short(error):
                _fail_unexpected(catalog, claim, error)
            raise


def _done(context: Context, catalog: TenantCatalog, hold: Hold) -> _End:
    """Do the step, and write into SQL what it has come to. Return as ``_held``."""
    claim = hold.claim
    try:
        patience = _CHECK_SECONDS if claim.kind is JobKind.KEY_CHECK else None
        with Custody(context, catalog, patience) as custody:
            return _work(Work(context, catalog, claim, hold, custody)), None
    except (EntrakeepError, StepTired) as error:
        try:
            return _fate(context, catalog, claim, error), error
        except ClaimLost:
            return False, error


def _short(error: Exception) -> bool:
    """Return whether the machine is short of something, rather than the code wrong."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORT_OF)


def _fail_unexpected(catalog: TenantCatalog, claim: Claim, error: Exception) -> None:
    """End the job, as the next try would meet the same."""
    defect = Unexpected(error)
    with suppress(EntrakeepError):  # the claim was lost, or the catalog does not answer: then it expires
        catalog.claims.fail(claim, defect.code, defect.message)


def _work(work: Work) -> bool:
    kind, phase = work.claim.kind, work.claim.phase
    if kind is not JobKind.KEY_CHECK:
        work.context.store.check()  # before Graph is asked for what could not be stored
    if kind is JobKind.BACKUP:
        return _BACKUP[phase](work)
    if kind is JobKind.VERIFY:
        return verify_step(work)
    if kind is JobKind.KEY_CHECK:
        return key_check_step(work)
    if kind in (JobKind.KEY_ENABLE, JobKind.KEY_UPDATE):
        return key_change_step(work)
    if kind is JobKind.PRUNE:
        return sweep_step(work)
    raise Refuse(Code.FORMAT_UNKNOWN, f"This worker does not know jobs of kind {kind}; update it.")


def _fate(context: Context, catalog: TenantCatalog, claim: Claim, error: EntrakeepError | StepTired) -> bool:
    """Writes into SQL what the error means for the step. Raises ClaimLost. True if the next phase opened."""
    log.info("step ends early", extra={"tenant": claim.tenant_id, "job": claim.job_id, "code": str(_code(error))})
    if isinstance(error, StepTired):
        catalog.claims.give_back(claim, after=0.0, trouble=None)
    elif isinstance(error, Cancelled):
        catalog.claims.fail(claim, error.code, error.message, state=JobState.CANCELLED)
    elif isinstance(error, KeyRefused):
        # Custody has ended the jobs already where SQL still names the key; this ends ours if that key is not in SQL.
        catalog.claims.fail(claim, error.code, error.message)
    elif isinstance(error, Retry):
        return _later(context, catalog, claim, error)
    elif isinstance(error, ClaimLost):
        pass
    elif error.code is Code.CATALOG_UNREACHABLE:
        _give_back_later(context, catalog, claim)
    elif isinstance(error, Alarm):
        log.error("stored bytes are damaged", extra={"tenant": claim.tenant_id, "blob": error.blob})
        catalog.claims.fail(claim, error.code, error.message)
    else:
        catalog.claims.fail(claim, error.code, error.message)
    return False


def _give_back_later(context: Context, catalog: TenantCatalog, claim: Claim) -> None:
    """The database was away for a moment, which is nobody's loss: given back, uncounted, once it answers again.

    If it stays away for longer than the claim, the claim expires.
    """
    until = time.monotonic() + claim.seconds
    while time.monotonic() < until:
        try:
            catalog.claims.give_back(claim, after=context.limits.resend_seconds, trouble=None)
        except Refuse:
            time.sleep(1.0)
        else:
            return


def _later(context: Context, catalog: TenantCatalog, claim: Claim, error: Retry) -> bool:
    """Give the step back, uncounted, until the trouble has lasted too long. Return whether the next phase opened."""
    limits = context.limits
    most = limits.key_trouble_seconds if isinstance(error, KeyTrouble) else limits.graph_trouble_seconds
    after = min(max(error.after or 0.0, limits.resend_seconds), _LONGEST_WAIT)
    alone = isinstance(error, GraphTrouble) and error.alone
    lasted = catalog.claims.give_back(claim, after=after, trouble=error, alone=alone)
    if lasted.seconds < most and not (alone and lasted.alone >= limits.stream_trouble_seconds):
        return False
    again = catalog.claims.claim(claim.job_id, claim.step_id, "ending", limits.claim_seconds)
    if again is None:
        return False
    if isinstance(error, GraphTrouble) and claim.kind is JobKind.BACKUP and claim.phase == Phase.READ:
        catalog.claims.drop_checkpoints(again)
        return catalog.claims.finish(again, answer=Answer.FAILED, request_id=error.request_id)
    catalog.claims.fail(again, error.code, error.message)
    return False


def _code(error: EntrakeepError | StepTired) -> str:
    return error.code if isinstance(error, EntrakeepError) else "given back"
