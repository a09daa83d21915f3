"""Notices in SQL: queued with their cause, addressed to the targets that want them, in order, and retried."""

import msgspec
import pytest

from shared.domain.access import Grant, Role
from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import JobKind, JobState
from shared.domain.limits import LIMITS
from shared.domain.model import ResourceReport
from shared.domain.notices import CHOICES, NoticeKind, Target, TargetKind
from shared.ports.catalog.notices import DueDelivery, InstallationKey, NoticeTargets, Recipient, SealedTarget
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import NOW, OK, REVOKED, VERIFY, World, new_id, snapshot

EVERYTHING = tuple(kind.value for kind in CHOICES)
DAY = 86_400.0


def targets_of(world: World, tenant: TenantCatalog | None = None) -> NoticeTargets:
    return world.catalog.as_actor("ops@host").notice_targets(tenant.tenant_id if tenant else None)


def add(
    world: World, tenant: TenantCatalog | None = None, name: str = "ops", notices: tuple[str, ...] = EVERYTHING
) -> Target:
    target = Target(
        target_id=new_id(),
        tenant_id=tenant.tenant_id if tenant else None,
        name=name,
        kind=TargetKind.MAIL,
        place="ops@example.com",
        notices=notices,
        made_by="",
        made_at=NOW,
    )
    targets_of(world, tenant).add(SealedTarget(target=target, data_key_id="d" * 64, data=b"sealed"))
    return targets_of(world, tenant).find(name)


def settled(world: World) -> list[DueDelivery]:
    """Deliver everything that is due, and return it in order."""
    port, delivered = world.catalog.notice_deliveries(), []
    port.address(100)
    while due := port.take(10, 60, retries=False) + port.take(10, 60, retries=True):
        for each in due:
            port.mark_delivered(each, "HTTP 204")
        delivered += due
    return delivered


def kinds(world: World) -> list[str]:
    return [each.notice.notice for each in settled(world)]


@pytest.mark.postgresql
def test_a_target_of_the_installation_gets_the_notices_of_each_tenant_and_its_own(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    add(world)
    settled(world)
    for tenant in (acme, other):
        world.probed(tenant, REVOKED)
    world.catalog.people().add(new_id(), "ana")
    got = {(each.notice.tenant, each.notice.notice) for each in settled(world)}
    assert got == {("acme", "key.refused"), ("other", "key.refused"), (None, "person.changed")}


@pytest.mark.postgresql
def test_a_target_of_a_tenant_gets_that_tenants_notices_alone(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    add(world, acme)
    assert kinds(world) == ["target.changed"]
    world.probed(other, REVOKED)
    world.catalog.people().add(new_id(), "ana")
    world.probed(acme, REVOKED)
    (due,) = settled(world)
    assert due.target == SealedTarget(target=targets_of(world, acme).find("ops"), data_key_id="d" * 64, data=b"sealed")
    assert (due.notice.tenant_id, due.notice.notice, due.notice.code) == (
        acme.tenant_id,
        "key.refused",
        Code.KEY_ACCESS_REVOKED,
    )
    assert due.notice.message == "Disabled."
    assert due.notice.detail == {"key": REVOKED.arn}


@pytest.mark.postgresql
def test_a_target_gets_only_what_it_chose_and_nothing_from_before_it_was_added(
    world: World, acme: TenantCatalog
) -> None:
    world.probed(acme, REVOKED)
    world.pass_time(1)
    add(world, notices=("key.refused", "key.answers"))
    assert kinds(world) == []
    world.probed(acme, OK)
    world.catalog.people().add(new_id(), "ana")
    assert kinds(world) == ["key.answers"]


@pytest.mark.postgresql
def test_each_kind_of_event_is_reported(world: World, acme: TenantCatalog) -> None:
    add(world, notices=tuple(kind.value for kind in CHOICES if kind is not NoticeKind.TARGET_CHANGED))
    _, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.GRAPH_FORBIDDEN, "Grant the permissions.")
    assert kinds(world) == ["backup.failed"]
    world.backed_up(acme)
    assert kinds(world) == ["backup.recovered"]
    job, claim = world.to_commit(acme)
    resources = [ResourceReport(resource="users", answer=Answer.FORBIDDEN, records=None)]
    lesser = snapshot(job, complete=False, resources=resources)
    acme.claims.commit(claim, lesser, [], JobState.SUCCEEDED_WITH_WARNINGS, None)
    (due,) = settled(world)
    assert due.notice.notice == "backup.less-complete"
    assert "1 resource that the one before had: users" in due.notice.message
    job, claim = world.to_commit(acme)
    acme.claims.commit(
        claim, snapshot(job, complete=False, resources=resources), [], JobState.SUCCEEDED_WITH_WARNINGS, None
    )
    assert kinds(world) == []
    verify = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    acme.claims.fail(world.claim(acme, verify, "verify"), Code.BLOB_DAMAGED, "A blob is damaged.")
    (due,) = settled(world)
    assert (due.notice.notice, due.notice.detail["job"]) == ("damage.found", verify.job_id)
    ana = world.catalog.people().add(new_id(), "ana")
    world.catalog.people().give(ana.person_id, Grant(role=Role.VIEWER, tenant_id=acme.tenant_id), "INC-1")
    got = [(each.notice.notice, each.notice.tenant) for each in settled(world)]
    assert got == [("person.changed", None), ("role.changed", "acme")]


@pytest.mark.postgresql
def test_a_refused_delivery_comes_again_later_and_holds_up_those_behind_it(world: World, acme: TenantCatalog) -> None:
    add(world, notices=("key.refused", "key.answers"))
    port = world.catalog.notice_deliveries()
    world.probed(acme, REVOKED)
    world.probed(acme, OK)
    assert port.address(100) >= 2
    assert port.address(100) == 0
    (first,) = port.take(10, 60, retries=False)
    assert (first.notice.notice, first.tries) == ("key.refused", 1)
    assert port.take(10, 60, retries=False) == port.take(10, 60, retries=True) == []
    port.mark_failed(first, "HTTP 500", 30)
    assert port.take(10, 60, retries=False) == port.take(10, 60, retries=True) == []
    world.pass_time(31)
    assert port.take(10, 60, retries=False) == []
    assert port.take(10, 60, retries=True, without=[first.target.target.target_id]) == []
    (again,) = port.take(10, 60, retries=True)
    assert (again.delivery_id, again.tries) == (first.delivery_id, 2)
    port.mark_failed(first, "late answer of the first try", 0)
    (shown,) = [each for each in targets_of(world).deliveries(10) if each.delivery_id == first.delivery_id]
    assert (shown.state, shown.outcome) == ("waiting", "HTTP 500")
    port.mark_delivered(again, "HTTP 204")
    assert kinds(world) == ["key.answers"]
    assert [each.state for each in targets_of(world).deliveries(10)] == ["delivered", "delivered"]


@pytest.mark.postgresql
def test_a_broken_target_holds_up_no_other(world: World, acme: TenantCatalog) -> None:
    broken = add(world, name="broken", notices=("key.refused", "key.answers"))
    add(world, acme, name="works", notices=("key.refused", "key.answers"))
    port = world.catalog.notice_deliveries()
    world.probed(acme, REVOKED)
    port.address(100)
    for each in port.take(10, 60, retries=False):
        if each.target.target.target_id == broken.target_id:
            port.mark_failed(each, "no answer", 3600)
        else:
            port.mark_delivered(each, "accepted")
    world.probed(acme, OK)
    assert [(each.target.target.name, each.notice.notice) for each in settled(world)] == [("works", "key.answers")]


@pytest.mark.postgresql
def test_a_test_comes_first_and_its_success_brings_the_others_on_their_way(world: World, acme: TenantCatalog) -> None:
    target = add(world, acme, notices=("key.refused",))
    port = world.catalog.notice_deliveries()
    world.probed(acme, REVOKED)
    port.address(100)
    (first,) = port.take(10, 60, retries=False)
    port.mark_failed(first, "no answer", 3600)
    test = targets_of(world, acme).test(target.target_id)
    (due,) = port.take(10, 60, retries=False)
    assert (due.delivery_id, due.notice.notice, due.notice.tenant) == (test, "test", "acme")
    port.mark_failed(due, "no answer", None)
    assert targets_of(world, acme).delivery(test).state == "failed"
    targets_of(world, acme).test(target.target_id)
    assert kinds(world) == ["test", "key.refused"]


def test_a_delivery_is_given_up_after_a_day(world: World, acme: TenantCatalog) -> None:
    add(world, notices=("key.refused",))
    port = world.catalog.notice_deliveries()
    world.probed(acme, REVOKED)
    port.address(100)
    (due,) = port.take(10, 60, retries=False)
    port.mark_failed(due, "HTTP 500", 60)
    world.pass_time(DAY + 1)
    assert port.take(10, 60, retries=True) == []
    (shown,) = targets_of(world).deliveries(10)
    assert (shown.state, shown.outcome) == ("failed", "given up after a day: HTTP 500")


@pytest.mark.postgresql
def test_targets_are_found_by_name_or_id_within_their_scope_and_removed_with_their_deliveries(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    target = add(world, acme)
    port = targets_of(world, acme)
    assert port.find(target.target_id) == port.find("ops") == target
    assert (target.made_by, port.all()) == ("ops@host", [target])
    for elsewhere in (targets_of(world), targets_of(world, other)):
        assert elsewhere.all() == elsewhere.deliveries(5) == []
        with pytest.raises(Refuse) as caught:
            elsewhere.find(target.target_id)
        assert caught.value.code is Code.NO_SUCH_TARGET
        for change in (elsewhere.remove, elsewhere.test):
            with pytest.raises(Refuse):
                change(target.target_id)
    with pytest.raises(Refuse, match="already"):
        add(world, acme)
    test = port.test(target.target_id)
    port.remove(target.target_id)
    with pytest.raises(Refuse):
        port.delivery(test)
    assert world.count("deliveries") == 0
    lines = [entry.line for entry in acme.audit.entries()]
    assert [action in line for line, action in zip(lines[-2:], ("target.added", "target.removed"), strict=True)]
    assert "sealed" not in "".join(lines)


def test_a_tenant_has_a_limited_number_of_targets(world: World, acme: TenantCatalog) -> None:
    for number in range(LIMITS.notice_targets):
        add(world, acme, name=f"t{number}")
    with pytest.raises(Refuse, match="remove one first"):
        add(world, acme, name="one more")


@pytest.mark.postgresql
def test_targets_and_queued_notices_go_with_their_tenant(world: World, acme: TenantCatalog) -> None:
    add(world, acme)
    world.probed(acme, REVOKED)
    acme.remove()
    assert world.count("notice_targets") == world.count("notices", acme) == 0
    assert kinds(world) == []


def test_a_broken_audit_trail_hides_no_notice(world: World, acme: TenantCatalog) -> None:
    target = add(world)
    settled(world)
    add(world, name="second")
    settled(world)
    world.change("audit_heads", hash="0" * 64)
    targets_of(world).remove(target.target_id)
    (due,) = settled(world)
    assert (due.notice.notice, due.notice.detail["name"]) == ("target.changed", "ops")


def test_only_the_newest_ended_deliveries_are_kept(world: World, acme: TenantCatalog) -> None:
    target = add(world, acme)
    for _ in range(60):
        targets_of(world, acme).test(target.target_id)
    settled(world)
    world.probed(acme, REVOKED)
    settled(world)
    assert world.count("deliveries") <= 53


@pytest.mark.postgresql
def test_the_newest_key_of_the_installation_is_returned(world: World) -> None:
    port = world.catalog.installation_keys()
    assert port.newest() is None
    key = InstallationKey(
        data_key_id="a" * 64,
        arn="arn",
        wrapped=b"\x00w",
        recipient="age1",
        identity=b"\x00i",
        created_at=NOW,
    )
    port.add(key)
    newer = msgspec.structs.replace(key, data_key_id="b" * 64, created_at=NOW.replace(year=NOW.year + 1))
    port.add(newer)
    assert (port.newest(), port.get("a" * 64), port.get("c" * 64)) == (newer, key, None)
    assert port.recipient() == Recipient(data_key_id="b" * 64, recipient="age1")
