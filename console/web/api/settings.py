"""Endpoints about a tenant's schedule and KMS key."""

from console.documents.jobs import RequestedJob
from console.documents.keys import key_document, policy_document
from console.documents.schedules import schedule_details
from console.web.api.queries import KeyCheckBody, PolicyQuery, ScheduleBody
from console.web.api.table import Answer, Call
from shared.domain.errors import Code, Refuse
from shared.domain.model import KeyMode, Schedule
from shared.engine.requests import customer_keys, schedules


def schedule(call: Call) -> Answer:
    """Return the schedule with its next runs, or null."""
    return _schedule(call, call.catalog.tenant(call.of_tenant.tenant_id).schedules.get())


def set_schedule(call: Call) -> Answer:
    """Set the schedule, in place of the current one, even a paused one."""
    body: ScheduleBody = call.body
    try:
        made = schedules.set_schedule(call.catalog, call.actor, call.of_tenant.name, body.cron, body.timezone, call.now)
    except Refuse as error:
        if error.code is not Code.SETTINGS_INVALID:
            raise
        raise Refuse(Code.WRONG_USE, error.message) from None
    return _schedule(call, made)


def pause(call: Call) -> Answer:
    """Pause scheduled backups."""
    return _schedule(call, schedules.pause_schedule(call.catalog, call.actor, call.of_tenant.name))


def resume(call: Call) -> Answer:
    """Resume scheduled backups. Missed backups are skipped."""
    return _schedule(call, schedules.resume_schedule(call.catalog, call.actor, call.of_tenant.name, call.now))


def key(call: Call) -> Answer:
    """Return which key wraps the tenant's data keys, with the results of the workers' probes and their history."""
    return Answer(document=key_document(*customer_keys.key_overview(call.catalog, call.of_tenant.name)))


def policy(call: Call) -> Answer:
    """Return what the owner of a KMS key must allow. Workers must have reported who they are in AWS."""
    query: PolicyQuery = call.query
    workers = customer_keys.callers_of(call.catalog, call.now)
    return Answer(document=policy_document(customer_keys.policy_for(call.of_tenant, workers, query.arn)))


def check_key(call: Call) -> Answer:
    """Request a check of the current key, or with ``arn`` all checks of a new key, which changes nothing."""
    body: KeyCheckBody = call.body
    name = call.of_tenant.name
    if body.arn is None:
        job = customer_keys.check_key(call.catalog, call.actor, name)
    else:
        own = call.of_tenant.key_mode is KeyMode.CUSTOMER
        rehearse = customer_keys.check_key_to_update if own else customer_keys.check_key_to_enable
        job = rehearse(call.catalog, call.actor, name, body.arn)
    return Answer(document=RequestedJob(job=job.job_id))


def allow_key(call: Call) -> Answer:
    """Allow the tenant to have its own KMS key."""
    customer_keys.allow_key(call.catalog, call.actor, call.of_tenant.name)
    return key(call)


def take_back(call: Call) -> Answer:
    """Take the permission back, as long as the tenant has no key of its own yet."""
    customer_keys.disallow_key(call.catalog, call.actor, call.of_tenant.name)
    return key(call)


def _schedule(call: Call, schedule: Schedule | None) -> Answer:
    """Return the document of a schedule."""
    return Answer(document=None if schedule is None else schedule_details(schedule, call.now))
