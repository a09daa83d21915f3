"""Plans, the id map, results of operations and passwords of created users, on both databases."""

from datetime import timedelta

import msgspec
import pytest

from shared.domain.audit import event_of
from shared.domain.errors import ClaimLost, Code, Refuse
from shared.domain.jobs import Claim, JobKind
from shared.domain.model import CredentialKind
from shared.domain.restore.id_map import EntryState
from shared.ports.catalog.restores import OperationState, PlanRow, PlanState, SealedPassword
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.restoring import RESTORE, entry, plan_row, restoring, result
from tests.contract.catalog.world import World, new_id, sealed

OLD, NEW, NEWEST = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002", new_id()


@pytest.fixture
def claim(world: World, acme: TenantCatalog) -> Claim:
    return restoring(world, acme)


@pytest.fixture
def plan(acme: TenantCatalog, claim: Claim) -> PlanRow:
    row = plan_row(claim.job_id)
    acme.restores.add_plan(claim, row, [sealed(b"one"), sealed(b"two")])
    return row


def refusal(acme: TenantCatalog, plan_id: str, state: PlanState, job_id: str | None = None) -> tuple[Code, str]:
    with pytest.raises(Refuse) as caught:
        acme.restores.move_plan(plan_id, state, job_id)
    return caught.value.code, caught.value.message


def actions(tenant: TenantCatalog) -> list[str]:
    return [event_of(each).action for each in tenant.audit.entries()]


@pytest.mark.postgresql
def test_a_plan_comes_back_with_its_parts_in_order(acme: TenantCatalog, other: TenantCatalog, plan: PlanRow) -> None:
    assert acme.restores.plan(plan.plan_id) == plan
    assert [part.data for part in acme.restores.plan_parts(plan.plan_id)] == [b"one", b"two"]
    assert acme.restores.plans() == [plan]
    assert other.restores.plans() == list(other.restores.plan_parts(plan.plan_id)) == []
    with pytest.raises(Refuse) as caught:
        other.restores.plan(plan.plan_id)
    assert caught.value.code is Code.NO_SUCH_PLAN


def test_plans_are_listed_newest_first(world: World, acme: TenantCatalog, claim: Claim, plan: PlanRow) -> None:
    acme.claims.finish(claim)
    another = restoring(world, acme)
    later = plan_row(another.job_id)
    acme.restores.add_plan(another, later, [])
    assert acme.restores.plans() == [later, plan]


@pytest.mark.postgresql
def test_a_repeated_planning_step_replaces_its_plan(acme: TenantCatalog, claim: Claim, plan: PlanRow) -> None:
    again = plan_row(claim.job_id)
    acme.restores.add_plan(claim, again, [sealed(b"three")])
    assert acme.restores.plans() == [again]
    assert [part.data for part in acme.restores.plan_parts(again.plan_id)] == [b"three"]


def test_a_ready_plan_past_its_time_is_expired_and_can_neither_begin_nor_be_withdrawn(
    acme: TenantCatalog, claim: Claim
) -> None:
    row = plan_row(claim.job_id, lasts=timedelta(seconds=-1))
    acme.restores.add_plan(claim, row, [])
    assert acme.restores.plan(row.plan_id).state is PlanState.EXPIRED
    for state in (PlanState.RUNNING, PlanState.WITHDRAWN):
        code, message = refusal(acme, row.plan_id, state)
        assert code is Code.PLAN_EXPIRED
        assert "entrakeep plan make" in message


@pytest.mark.postgresql
def test_a_withdrawn_plan_cannot_begin(acme: TenantCatalog, plan: PlanRow) -> None:
    assert acme.restores.move_plan(plan.plan_id, PlanState.WITHDRAWN).state is PlanState.WITHDRAWN
    assert acme.restores.move_plan(plan.plan_id, PlanState.WITHDRAWN).state is PlanState.WITHDRAWN
    assert actions(acme).count("plan.withdrawn") == 1
    assert refusal(acme, plan.plan_id, PlanState.RUNNING)[0] is Code.WRONG_USE


@pytest.mark.postgresql
def test_a_running_plan_is_neither_withdrawn_nor_taken_by_another_restore(
    acme: TenantCatalog, claim: Claim, plan: PlanRow
) -> None:
    running = acme.restores.move_plan(plan.plan_id, PlanState.RUNNING, claim.job_id)
    assert (running.state, running.restore_job) == (PlanState.RUNNING, claim.job_id)
    assert acme.restores.move_plan(plan.plan_id, PlanState.RUNNING, claim.job_id) == running
    assert refusal(acme, plan.plan_id, PlanState.WITHDRAWN)[0] is Code.BUSY
    with pytest.raises(Refuse) as caught:
        acme.restores.check_ready(plan.plan_id)
    assert caught.value.code is Code.BUSY
    code, message = refusal(acme, plan.plan_id, PlanState.RUNNING, new_id())
    assert code is Code.BUSY
    assert claim.job_id in message


def test_a_retried_restore_goes_on_with_the_plan_of_one_that_has_ended(
    world: World, acme: TenantCatalog, claim: Claim, plan: PlanRow
) -> None:
    acme.restores.move_plan(plan.plan_id, PlanState.RUNNING, claim.job_id)
    acme.claims.fail(claim, Code.GRAPH_UNREACHABLE, "No answer.")
    assert acme.restores.plan(plan.plan_id).state is PlanState.DONE
    again = restoring(world, acme)
    assert acme.restores.move_plan(plan.plan_id, PlanState.RUNNING, again.job_id).state is PlanState.RUNNING
    assert acme.restores.move_plan(plan.plan_id, PlanState.DONE).state is PlanState.DONE
    code, message = refusal(acme, plan.plan_id, PlanState.RUNNING, new_id())
    assert (code, "carried out already" in message) == (Code.WRONG_USE, True)


@pytest.mark.postgresql
def test_an_intended_entry_is_kept_until_its_object_is_created(acme: TenantCatalog, claim: Claim) -> None:
    first = entry(OLD.upper(), mark="first")
    acme.restores.intend(claim, [first])
    acme.restores.intend(claim, [entry(OLD, mark="second")])
    (stored,) = acme.restores.map_entries()
    assert (stored.old_id, stored.mark, stored.state, stored.current_id) == (OLD, "first", EntryState.INTENDED, None)
    created = msgspec.structs.replace(stored, current_id=NEW, state=EntryState.CREATED)
    acme.restores.record_created(claim, [created])
    acme.restores.forget_intended(claim, [OLD])
    assert acme.restores.map_entries() == [created]
    moved = msgspec.structs.replace(created, current_id=NEWEST)
    acme.restores.record_created(claim, [moved])
    assert acme.restores.map_entries() == [moved]


def test_an_entry_of_an_object_that_was_certainly_not_created_is_forgotten(
    acme: TenantCatalog, other: TenantCatalog, world: World, claim: Claim
) -> None:
    acme.restores.intend(claim, [entry(OLD)])
    other.restores.intend(restoring(world, other), [entry(OLD)])
    acme.restores.forget_intended(claim, [OLD.upper()])
    assert acme.restores.map_entries() == []
    assert [each.old_id for each in other.restores.map_entries()] == [OLD]


@pytest.mark.postgresql
def test_results_are_chosen_by_their_states(acme: TenantCatalog, other: TenantCatalog, claim: Claim) -> None:
    results = [result(number, state) for number, state in enumerate(OperationState)]
    acme.restores.add_results(claim, results)
    assert acme.restores.states(claim.job_id) == dict(enumerate(OperationState))
    assert acme.restores.results(claim.job_id, [OperationState.FAILED, OperationState.PARTLY]) == [
        each for each in results if each.state in {OperationState.FAILED, OperationState.PARTLY}
    ]
    assert acme.restores.states(new_id()) == other.restores.states(claim.job_id) == {}


def test_results_are_listed_by_number_and_replaced(acme: TenantCatalog, claim: Claim) -> None:
    failed, done = result(2, OperationState.FAILED), result(2)
    acme.restores.add_results(claim, [failed, result(1)])
    acme.restores.add_results(claim, [done])
    first, second = acme.restores.results(claim.job_id)
    assert (first.number, second) == (1, done)
    assert acme.restores.results(new_id()) == []


@pytest.mark.postgresql
def test_a_retried_restore_adopts_results_and_passwords_and_the_first_one_keeps_its_report(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    done = result(1)
    password = SealedPassword(number=1, sealed=sealed(b"password"))
    acme.restores.add_results(claim, [done])
    acme.restores.keep_passwords(claim, [password])
    acme.claims.fail(claim, Code.GRAPH_UNREACHABLE, "No answer.")
    again = restoring(world, acme)
    later = result(1, OperationState.NOT_APPLIED)
    for _ in range(2):
        acme.restores.adopt(again, claim.job_id)
    assert acme.restores.results(again.job_id) == [done]
    acme.restores.add_results(again, [later])
    acme.restores.adopt(again, claim.job_id)
    assert acme.restores.results(again.job_id) == [later], "an adopted result does not replace a newer one"
    assert acme.restores.results(claim.job_id) == [done]
    assert acme.restores.passwords(claim.job_id) == []
    assert acme.restores.passwords(again.job_id) == [password]


@pytest.mark.postgresql
def test_passwords_are_handed_out_once_and_audited(acme: TenantCatalog, claim: Claim) -> None:
    acme.restores.keep_passwords(claim, [SealedPassword(number=n, sealed=sealed()) for n in (2, 1)])
    replaced = SealedPassword(number=2, sealed=sealed(b"replaced"))
    acme.restores.keep_passwords(claim, [replaced])
    assert [each.number for each in acme.restores.passwords(claim.job_id)] == [1, 2]
    assert acme.restores.passwords(claim.job_id)[1] == replaced
    assert acme.restores.forget_passwords(claim.job_id) == 2
    assert acme.restores.forget_passwords(claim.job_id) == 0
    assert acme.restores.passwords(claim.job_id) == []
    assert actions(acme).count("passwords.handed-out") == 1


@pytest.mark.postgresql
def test_a_lost_claim_writes_nothing(acme: TenantCatalog, claim: Claim) -> None:
    acme.claims.release_claim("w/1")
    password = SealedPassword(number=1, sealed=sealed())
    for write in (
        lambda: acme.restores.add_plan(claim, plan_row(claim.job_id), [sealed()]),
        lambda: acme.restores.intend(claim, [entry(OLD)]),
        lambda: acme.restores.record_created(claim, [entry(OLD, NEW)]),
        lambda: acme.restores.forget_intended(claim, [OLD]),
        lambda: acme.restores.add_results(claim, [result(1)]),
        lambda: acme.restores.adopt(claim, new_id()),
        lambda: acme.restores.keep_passwords(claim, [password]),
    ):
        with pytest.raises(ClaimLost):
            write()
    assert acme.restores.plans() == acme.restores.map_entries() == acme.restores.results(claim.job_id) == []


@pytest.mark.postgresql
def test_the_restore_identity_is_apart_from_the_one_that_reads(acme: TenantCatalog) -> None:
    with pytest.raises(Refuse) as caught:
        acme.keys.restore_credential()
    assert caught.value.code is Code.NO_RESTORE_IDENTITY
    assert "entrakeep tenant update acme --restore-client-id" in caught.value.message
    reading, client_id = acme.keys.credential(), new_id()
    for kind in CredentialKind:
        secret = sealed(kind.encode())
        acme.update_restore_identity(client_id=client_id, kind=kind, sealed=secret)
        assert acme.keys.restore_credential() == (kind, secret)
    assert acme.tenant().restore_client_id == client_id
    acme.update(client_id=new_id(), kind=CredentialKind.CERTIFICATE, sealed=sealed(b"another"))
    assert acme.keys.restore_credential() == (kind, secret)
    assert acme.keys.credential() != reading
    assert actions(acme).count("restore-identity.updated") == 2


def test_restores_of_one_tenant_run_one_after_the_other(
    world: World, acme: TenantCatalog, other: TenantCatalog, claim: Claim
) -> None:
    second, _ = acme.jobs.request(JobKind.RESTORE, origin=world.planned(other, RESTORE, kind=JobKind.RESTORE).origin)
    assert not world.scheduler.offer_steps(second, RESTORE)
    acme.claims.finish(claim)
    assert world.scheduler.offer_steps(second, RESTORE)
