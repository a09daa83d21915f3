"""Key check: one real Decrypt with the workers' own credentials."""

from shared.engine.work import Work


def key_check_step(work: Work) -> bool:
    """Asks KMS afresh for the tenant's key. A refusal or misconfiguration fails the job with its code and sentence."""
    work.custody.secrets()
    return work.catalog.claims.finish(work.claim, detail={"state": "ok"})
