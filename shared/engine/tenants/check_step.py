"""The job that checks a tenant's applications, because only workers have the AWS credentials that open their credentials."""

from collections.abc import Iterable

from shared.domain.errors import Code, EntrakeepError, GraphTrouble, KeyTrouble, Refuse
from shared.domain.jobs import CheckedPermission, TenantChecks
from shared.engine.steps.work import Work
from shared.engine.tenants.checking import CheckedResource, reading_checks, writing_checks


def tenant_check_step(work: Work) -> bool:
    """Check the application that reads, and the one that restores if there is one. Return False: no step follows.

    Trouble with Graph, sign-in or KMS fails the job without retries: the person who requested the check wants the present
    answer. What was checked before that is kept.
    """
    reading: list[CheckedPermission] = []
    try:
        reading = _stored(reading_checks(work.context, work.catalog, work.keys, work.check))
        detail = TenantChecks(reading=reading, writing=_writing(work))
    except (GraphTrouble, KeyTrouble) as trouble:
        return _fail(work, trouble, reading)
    except Refuse as refusal:
        if refusal.code not in (Code.GRAPH_SIGN_IN_FAILED, Code.GRAPH_FORBIDDEN):
            raise
        return _fail(work, refusal, reading)
    return work.catalog.claims.finish(work.claim, detail=detail)


def _writing(work: Work) -> list[CheckedPermission] | None:
    """Check the application that restores. Return None if the tenant has none."""
    if work.catalog.tenant().restore_client_id is None:
        return None
    return _stored(writing_checks(work.context, work.catalog, work.keys, work.check))


def _stored(checks: Iterable[CheckedResource]) -> list[CheckedPermission]:
    """Return the checks as the job's details store them."""
    return [
        CheckedPermission(
            resource=each.resource, answer=each.answer.value, permission=each.permission, detail=each.detail
        )
        for each in checks
    ]


def _fail(work: Work, error: EntrakeepError, reading: list[CheckedPermission]) -> bool:
    """Fail the job with the error, and keep what was checked. Return False: no step follows."""
    detail = TenantChecks(reading=reading) if reading else None
    work.catalog.claims.fail(work.claim, Code(error.code), error.message, detail=detail)
    return False
