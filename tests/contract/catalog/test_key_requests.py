"""Requests to check a key and to change to it: one job, however often and by how many persons they are sent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.domain.audit import event_of
from shared.domain.errors import ClaimLost, Code, Refuse
from shared.domain.jobs import Claim, Job, JobKind, JobState, KeyChangeProgress, KeyChecks, steps_of
from shared.domain.model import KeyMode
from shared.engine.requests import customer_keys
from shared.ports.catalog.customer_keys import AcceptedTerms
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.test_requests import ADA, NEXT_ARN, OWN_ARN, described, finish_job, refusal_message
from tests.contract.catalog.world import NOW, World

BOB = "person:bob"


def passed_check(world: World, acme: TenantCatalog, actor: str = ADA, arn: str = OWN_ARN) -> str:
    """Return the id of a check that passed, of a tenant that may have a key of its own."""
    acme.customer_keys.allow()
    check = customer_keys.check_key_to_enable(world.catalog, actor, "acme", arn)
    return finish_job(world, acme, check, KeyChecks(arn=arn, key=described(arn))).job_id


def enable(world: World, check: str, actor: str = ADA) -> Job:
    return customer_keys.enable_key(world.catalog, actor, "acme", check, NOW)


def claimed(world: World, acme: TenantCatalog, job: Job) -> Claim:
    """Return a worker's claim on the only step of the job."""
    assert world.scheduler.offer_steps(job, steps_of(job.kind))
    return world.claim(acme, job, job.kind)


def all_of_kind(acme: TenantCatalog, kind: JobKind) -> list[Job]:
    return [job for job in acme.jobs.recent() if job.kind is kind]


@pytest.mark.postgresql
def test_terms_agreed_to_twice_ask_for_one_job(world: World, acme: TenantCatalog) -> None:
    check = passed_check(world, acme)
    with ThreadPoolExecutor(4) as pool:
        jobs = {job.job_id for job in pool.map(lambda _: enable(world, check), range(4))}
    assert jobs == {job.job_id for job in all_of_kind(acme, JobKind.KEY_ENABLE)}
    assert len(acme.customer_keys.acceptances()) == len(jobs) == 1
    acme.jobs.cancel(*jobs)
    assert enable(world, check).state is JobState.CANCELLED, "sent again after its end"
    assert len(all_of_kind(acme, JobKind.KEY_ENABLE)) == 1


@pytest.mark.postgresql
def test_of_two_people_who_enable_at_once_one_gets_a_sentence(world: World, acme: TenantCatalog) -> None:
    checks = {ADA: passed_check(world, acme, ADA), BOB: passed_check(world, acme, BOB)}

    def attempt(actor: str) -> str:
        try:
            return enable(world, checks[actor], actor).job_id
        except Refuse as refusal:
            assert refusal.code is Code.BUSY
            return refusal.message

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(attempt, checks))
    (job,) = all_of_kind(acme, JobKind.KEY_ENABLE)
    (accepted,) = acme.customer_keys.acceptances()
    assert job.job_id in answers
    (sentence,) = set(answers) - {job.job_id}
    assert f"Job {job.job_id} is changing the key of this tenant already for {accepted.accepted_by}" in sentence


def test_a_second_person_is_told_that_the_key_is_enabled_already(world: World, acme: TenantCatalog) -> None:
    check = passed_check(world, acme)
    world.change("tenants", key_mode=KeyMode.CUSTOMER.value, key_arn=OWN_ARN, key_free_at=NOW)
    assert "has this key already" in refusal_message(Code.WRONG_USE, enable, world, check, BOB)
    assert acme.customer_keys.acceptances() == []


@pytest.mark.postgresql
def test_a_permission_taken_back_meanwhile_refuses_the_change(world: World, acme: TenantCatalog) -> None:
    check = passed_check(world, acme)
    assert customer_keys.disallow_key(world.catalog, BOB, "acme")
    assert event_of(acme.audit.recent(1)[0]).action == "key.disallowed"
    assert not customer_keys.disallow_key(world.catalog, BOB, "acme")
    assert "'entrakeep key allow acme'" in refusal_message(Code.KEY_NOT_ALLOWED, enable, world, check)
    assert (acme.customer_keys.acceptances(), all_of_kind(acme, JobKind.KEY_ENABLE)) == ([], [])


@pytest.mark.postgresql
def test_a_permission_taken_back_before_the_switch_refuses_the_switch(world: World, acme: TenantCatalog) -> None:
    job = enable(world, passed_check(world, acme))
    claim = claimed(world, acme, job)
    acme.customer_keys.disallow()
    assert "may not have a key" in refusal_message(Code.KEY_NOT_ALLOWED, acme.customer_keys.switch, claim, OWN_ARN)


def test_a_permission_is_not_taken_back_from_a_tenant_with_an_own_key(world: World, acme: TenantCatalog) -> None:
    acme.customer_keys.allow()
    world.change("tenants", key_mode=KeyMode.CUSTOMER.value, key_arn=OWN_ARN)
    assert "no way back" in refusal_message(Code.WRONG_USE, acme.customer_keys.disallow)
    assert acme.customer_keys.allowed() is not None


@pytest.mark.parametrize(
    ("request_check", "same"),
    [
        (lambda world: customer_keys.check_key_to_enable(world.catalog, BOB, "acme", f" {OWN_ARN}\n"), True),
        (lambda world: customer_keys.check_key_to_enable(world.catalog, ADA, "acme", NEXT_ARN), False),
    ],
    ids=["same key", "another key"],
)
def test_a_check_that_is_unfinished_is_not_asked_for_again(
    world: World, acme: TenantCatalog, request_check: Callable[[World], Job], same: bool
) -> None:
    acme.customer_keys.allow()
    first = customer_keys.check_key_to_enable(world.catalog, ADA, "acme", OWN_ARN)
    assert (request_check(world).job_id == first.job_id) is same


@pytest.mark.postgresql
def test_an_unfinished_check_of_a_key_is_the_answer_to_the_same_request(acme: TenantCatalog) -> None:
    job, new = acme.customer_keys.request_check(KeyChecks(arn=OWN_ARN))
    assert new
    assert acme.customer_keys.request_check(KeyChecks(arn=OWN_ARN)) == (job, False)
    assert acme.customer_keys.request_check(KeyChecks(arn=NEXT_ARN))[1]


def test_an_old_check_and_one_of_another_tenant_permit_nothing(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    check = passed_check(world, acme)
    ended = acme.jobs.get(check).finished_at
    assert ended is not None
    late = ended + timedelta(minutes=16)
    assert "16 minutes ago" in refusal_message(
        Code.KEY_INVALID, customer_keys.enable_key, world.catalog, ADA, "acme", check, late
    )
    other.customer_keys.allow()
    refusal_message(Code.NO_SUCH_JOB, customer_keys.enable_key, world.catalog, ADA, "other", check, NOW)
    refusal_message(Code.NO_SUCH_JOB, customer_keys.enable_key, world.catalog, ADA, "acme", "nothing", NOW)
    assert all_of_kind(acme, JobKind.KEY_ENABLE) == []


@pytest.mark.postgresql
def test_the_change_that_a_check_requests_is_fenced(world: World, acme: TenantCatalog) -> None:
    """A worker whose claim was lost must not begin a change after the check was cancelled."""
    world.change("tenants", key_mode=KeyMode.CUSTOMER.value, key_arn=OWN_ARN)
    check = customer_keys.check_and_update_key(world.catalog, ADA, "acme", NEXT_ARN)
    claim = claimed(world, acme, check)
    change = KeyChangeProgress(arn=NEXT_ARN, check=check.job_id, asked_by=ADA)
    job, new = acme.customer_keys.request_change(JobKind.KEY_UPDATE, change, claim=claim)
    assert new
    assert acme.customer_keys.request_change(JobKind.KEY_UPDATE, change, claim=claim) == (job, False)
    acme.claims.fail(claim, Code.KEY_INVALID, "No.")
    with pytest.raises(ClaimLost):
        acme.customer_keys.request_change(JobKind.KEY_UPDATE, change, claim=claim)


def test_an_acceptance_is_audited_with_the_change(world: World, acme: TenantCatalog) -> None:
    acme.customer_keys.allow()
    terms = AcceptedTerms(actor=ADA, version="2", sha256="a" * 64)
    job, _ = acme.customer_keys.request_change(JobKind.KEY_ENABLE, KeyChangeProgress(arn=OWN_ARN), terms=terms)
    (accepted,) = acme.customer_keys.acceptances()
    assert (accepted.accepted_by, accepted.version, accepted.sha256, accepted.arn) == (ADA, "2", "a" * 64, OWN_ARN)
    asked, agreed = (event_of(entry) for entry in acme.audit.recent(2))
    assert (asked.action, asked.subject) == ("key.enable-asked", {"job": job.job_id})
    assert (agreed.action, agreed.detail["by"], agreed.detail["arn"]) == ("key.terms-accepted", ADA, OWN_ARN)
