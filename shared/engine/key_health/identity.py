"""Report a worker's AWS account and principal to SQL, so that pages about keys need no AWS credentials."""

import logging

from shared.domain.errors import EntrakeepError
from shared.engine.key_health.probing import Probing

log = logging.getLogger(__name__)


def report_identity(probing: Probing, worker: str) -> float:
    """Ask AWS for the account and principal of this process's credentials, which are the worker's, and store them.

    Return the seconds until the next report: short if AWS did not answer, or SQL does not know the worker yet. Raise what
    the catalog raises.
    """
    limits = probing.limits
    try:
        caller = probing.keys.caller()
    except EntrakeepError as error:
        log.warning("AWS did not tell the worker's account, the next round retries: %s", error)
        return limits.identity_retry_seconds
    known = probing.catalog.scheduler().record_identity(worker, caller.account, caller.principal)
    return limits.identity_seconds if known else limits.heartbeat_seconds
