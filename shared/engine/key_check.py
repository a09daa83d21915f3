"""Key check: one real Decrypt with the workers' own credentials; or all that a key must pass that is to become the
tenant's."""

from shared.domain.errors import KeyTrouble
from shared.engine.key_management import key_validation_step
from shared.engine.work import Work


def key_check_step(work: Work) -> bool:
    """Asks KMS afresh for the tenant's key. A refusal or misconfiguration fails the job with its code and sentence.

    So does trouble: who asks wants to know how it is now, and not in six hours. A job that names a key has that one checked.
    """
    if "arn" in (work.catalog.jobs.get(work.claim.job_id).detail or {}):
        return key_validation_step(work)
    try:
        work.custody.secrets()
    except KeyTrouble as trouble:
        work.catalog.claims.fail(work.claim, trouble.code, trouble.message)
        return False
    return work.catalog.claims.finish(work.claim, detail={"state": "ok"})
