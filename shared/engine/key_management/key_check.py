"""Key check: make one real Decrypt with the workers' own credentials, or all checks of a key to change to."""

from shared.domain.errors import KeyTrouble
from shared.domain.jobs import KeyAnswer, KeyChecks
from shared.engine.key_management.checks import key_validation_step
from shared.engine.steps.work import Work


def key_check_step(work: Work) -> bool:
    """Use the tenant's key in KMS once. Return whether the job goes on to a next step.

    A refusal or misconfiguration fails the job with its code and message. KMS trouble does too, without retries: the person
    who requested the check wants the present answer. If the job names a key, that key is validated instead.
    """
    detail = work.catalog.jobs.get(work.claim.job_id).detail
    if isinstance(detail, KeyChecks):
        return key_validation_step(work, detail)
    try:
        work.keys.secrets()
    except KeyTrouble as trouble:
        work.catalog.claims.fail(work.claim, trouble.code, trouble.message)
        return False
    return work.catalog.claims.finish(work.claim, detail=KeyAnswer(state="ok"))
