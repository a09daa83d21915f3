"""Key health in SQL: one probe per turn, one event per change, and notices delivered one at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from console.documents.keys import key_document
from shared.domain.audit import event_of
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyWarning
from shared.ports.catalog.key_health import ProbeOutcome, ProbeTurn
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, NOW, OK, OTHER_ARN, REVOKED, World, data_key

EVERY = 60.0
EXPIRES = KeyWarning(warning="material-expires-7", message="It expires.", at=NOW)


def take(world: World, most: int = 10, seconds: float = 60.0) -> list[ProbeTurn]:
    return world.catalog.probes().take(EVERY, most, seconds)


def with_warnings(outcome: ProbeOutcome, *warnings: KeyWarning) -> ProbeOutcome:
    values: dict[str, Any] = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    return ProbeOutcome(**{**values, "warnings": list(warnings)})


@pytest.mark.postgresql
def test_one_of_concurrent_probers_gets_each_turn(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    catalogs = [world.catalog, world.another(), world.another()]
    with ThreadPoolExecutor(3) as pool:
        turns_per_caller = list(pool.map(lambda catalog: catalog.probes().take(EVERY, 10, 60.0), catalogs))
    tenant_ids = sorted(turn.tenant_id for turns in turns_per_caller for turn in turns)
    assert tenant_ids == sorted([acme.tenant_id, other.tenant_id])
    assert take(world) == []


def test_turns_are_taken_longest_due_first_up_to_the_requested_number(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    first = take(world, 1)
    second = take(world, 1)
    assert {turn.tenant_id for turn in first + second} == {acme.tenant_id, other.tenant_id}
    assert take(world, 1) == []
    world.pass_time(100)
    assert [turn.tenant_id for turn in take(world, 2)] == [first[0].tenant_id, second[0].tenant_id]
    assert take(world, 0) == []


def test_look_again_makes_the_next_probe_due_at_once_with_an_inspection(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    for tenant in (acme, other):
        world.probed(tenant, with_warnings(OK))
    assert acme.health.get().looked_at is not None
    assert take(world) == []
    acme.health.look_again()
    assert acme.health.get().looked_at is None
    assert [turn.tenant_id for turn in take(world)] == [acme.tenant_id]


@pytest.mark.postgresql
def test_a_probe_that_began_before_look_again_stores_nothing(world: World, acme: TenantCatalog) -> None:
    (turn,) = take(world)
    acme.health.look_again()
    assert acme.health.note(turn, with_warnings(OK), next_in=300, notify=True) is None
    assert acme.health.get().looked_at is None
    assert [turn.tenant_id for turn in take(world)] == [acme.tenant_id]


@pytest.mark.postgresql
def test_a_new_tenant_is_first_probed_after_one_interval(world: World, acme: TenantCatalog) -> None:
    world.change("tenants", created_at=world.catalog.tenants()[0].created_at + timedelta(days=36500))
    assert take(world) == []


def test_an_expired_turn_is_offered_again_and_its_late_result_is_ignored(world: World, acme: TenantCatalog) -> None:
    (lost,) = take(world, seconds=500)
    world.pass_time(400)
    assert take(world) == []
    world.pass_time(200)
    (turn,) = take(world)
    assert acme.health.note(lost, REVOKED, next_in=0, notify=True) is None
    assert acme.health.get().condition is KeyCondition.OK
    assert acme.health.note(turn, REVOKED, next_in=300, notify=True) is not None
    world.pass_time(200)
    assert take(world) == []
    world.pass_time(200)
    assert len(take(world)) == 1


@pytest.mark.postgresql
def test_an_unprobed_key_is_reported_ok(world: World, acme: TenantCatalog) -> None:
    health = acme.health.get()
    assert (health.condition, health.arn, health.since) == (KeyCondition.OK, ARN, NOW)
    assert (health.checked_at, health.looked_at, health.warnings) == (None, None, [])
    assert acme.health.history() == []


def test_only_a_change_of_condition_is_an_event_and_sets_since(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    assert world.probed(acme, OK) is None
    event = world.probed(acme, REVOKED)
    assert event is not None
    assert (event.number, event.condition, event.code, event.message, event.arn) == (
        1,
        KeyCondition.REVOKED,
        Code.KEY_ACCESS_REVOKED,
        "Disabled.",
        ARN,
    )
    since = acme.health.get().since
    assert since == event.at
    assert world.probed(acme, REVOKED) is None
    health = acme.health.get()
    assert health.since == since - timedelta(seconds=1000)
    assert health.checked_at is not None
    assert health.checked_at > since
    assert world.probed(acme, OK) is not None
    assert [each.condition for each in acme.health.history()] == [KeyCondition.OK, KeyCondition.REVOKED]
    assert [each.number for each in acme.health.history(1)] == [2]
    assert other.health.history() == []
    assert other.health.get().condition is KeyCondition.OK


def test_a_new_or_ended_warning_is_an_event_and_stays_until_the_next_inspection(
    world: World, acme: TenantCatalog
) -> None:
    event = world.probed(acme, with_warnings(OK, EXPIRES))
    assert event is not None
    assert event.warnings == [EXPIRES]
    assert world.probed(acme, OK) is None
    health = acme.health.get()
    assert health.warnings == [EXPIRES]
    assert health.looked_at is not None
    assert health.checked_at is not None
    assert health.looked_at < health.checked_at
    other_words = KeyWarning(warning="material-expires-7", message="Soon.")
    assert world.probed(acme, with_warnings(OK, other_words)) is None
    assert world.probed(acme, with_warnings(OK)) is not None
    assert acme.health.get().warnings == []
    assert [each.warnings for each in acme.health.history()] == [[], [EXPIRES]]


def test_the_history_keeps_at_most_fifty_events(world: World, acme: TenantCatalog) -> None:
    for n in range(52):
        assert world.probed(acme, REVOKED if n % 2 == 0 else OK)
    assert [event.number for event in acme.health.history(100)] == list(range(52, 2, -1))


@pytest.mark.postgresql
def test_notices_are_delivered_in_order_and_retried_until_accepted(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    probes = world.catalog.probes()
    world.probed(acme, REVOKED, notify=True)
    world.probed(acme, OK, notify=True)
    world.probed(other, REVOKED, notify=False)
    (notice,) = probes.due_notices(10, 60)
    assert (notice.tenant, notice.tenant_id, notice.tries) == ("acme", acme.tenant_id, 1)
    assert (notice.event.number, notice.event.condition) == (1, KeyCondition.REVOKED)
    assert world.another().probes().due_notices(10, 60) == []
    probes.retry_delivery(notice, "503", 5)
    assert probes.due_notices(10, 60) == []
    world.pass_time(6)
    (second_try,) = probes.due_notices(10, 60)
    assert (second_try.event.number, second_try.tries) == (1, 2)
    probes.retry_delivery(notice, "late", 0)
    assert probes.due_notices(10, 60) == []
    world.pass_time(61)
    (third_try,) = probes.due_notices(10, 60)
    assert (third_try.event.number, third_try.tries) == (1, 3)
    probes.mark_delivered(third_try, "200")
    (following,) = probes.due_notices(10, 60)
    assert (following.event.number, following.event.condition) == (2, KeyCondition.OK)
    probes.mark_delivered(following, "200")
    assert probes.due_notices(10, 60) == []
    event_rows = [row for row in world.rows("key_events") if row["tenant_id"] == acme.tenant_id]
    assert [(row["outcome"], row["told_at"] is not None) for row in event_rows] == [("200", True)] * 2


@pytest.mark.postgresql
def test_one_of_concurrent_notifiers_gets_each_notice(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED, notify=True)
    catalogs = [world.catalog, world.another(), world.another()]
    with ThreadPoolExecutor(3) as pool:
        notices = list(pool.map(lambda catalog: catalog.probes().due_notices(10, 60.0), catalogs))
    assert sum(map(len, notices)) == 1


def test_old_events_are_not_delivered(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED, notify=True)
    world.pass_time(86_401)
    assert world.catalog.probes().due_notices(10, 60) == []


def test_removing_a_tenant_removes_its_key_health(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED, notify=True)
    (turn,) = (world.pass_time(100), take(world))[1]
    acme.remove()
    assert (world.count("key_health"), world.count("key_events")) == (0, 0)
    assert acme.health.note(turn, OK, next_in=0, notify=True) is None


@pytest.mark.postgresql
def test_older_code_without_these_tables_can_remove_a_tenant(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED)
    world.remove_as_before(acme, "key_health", "key_events")
    assert (world.count("key_health"), world.count("key_events")) == (0, 0)


# -- answers that jobs receive before a probe


def key_summary(acme: TenantCatalog) -> tuple[object, list[str], list[str], bool]:
    """Return the key's state, its warnings, the states of its history, newest first, and True if all agree."""
    health, history = acme.health.get(), acme.health.history()
    document = key_document(acme.tenant(), acme.keys.state(), health, history)
    agree = document.state == history[0].condition == health.condition
    warnings = [each.warning for each in health.warnings]
    return document.state, warnings, [event.condition for event in history], agree


def test_a_refusal_or_answer_in_a_job_updates_state_and_history_at_once(acme: TenantCatalog) -> None:
    initially = acme.health.get().since
    acme.keys.refuse(ARN, "Disabled.")
    assert key_summary(acme) == ("revoked", [], ["revoked"], True)
    refused_since = acme.health.get().since
    acme.keys.refuse(ARN, "Disabled.")
    acme.keys.allow(ARN)
    acme.keys.allow(ARN)
    assert key_summary(acme) == ("ok", [], ["ok", "revoked"], True)
    assert initially < refused_since <= acme.health.get().since
    assert [event_of(entry).action for entry in acme.audit.recent(2)] == ["key.answered", "key.refused"]


def test_an_answer_withdraws_only_the_warnings_that_it_disproves(world: World, acme: TenantCatalog) -> None:
    words = ("disabled", "deletion", "no-material", "store-away", "material-expires-7", "no-way-out")
    warnings = [KeyWarning(warning=word, message=f"It is {word}.") for word in words]
    world.probed(acme, msgspec.structs.replace(REVOKED, warnings=warnings))
    acme.keys.refuse(ARN, "Disabled.", probed=True)
    assert key_summary(acme) == ("revoked", [*words], ["revoked"], True)
    acme.keys.allow(ARN)
    assert key_summary(acme) == ("ok", ["material-expires-7", "no-way-out"], ["ok", "revoked"], True)
    assert [turn.tenant_id for turn in world.catalog.probes().take(60, 10, 60)] == [acme.tenant_id]


def test_an_answer_ends_an_outage_but_not_misconfiguration_or_damage(world: World, acme: TenantCatalog) -> None:
    for condition, after in (("unreachable", "ok"), ("misconfigured", "misconfigured"), ("damaged", "damaged")):
        before = KeyCondition(condition)
        world.probed(acme, msgspec.structs.replace(REVOKED, condition=before, result=before, code=Code.KEY_UNREACHABLE))
        acme.keys.allow(ARN)
        assert acme.health.get().condition == after


def test_a_running_probe_stores_nothing_after_a_job_reported_an_answer(world: World, acme: TenantCatalog) -> None:
    world.pass_time(1000)
    (turn,) = world.catalog.probes().take(60, 10, 60)
    acme.keys.refuse(ARN, "Disabled.")
    assert acme.health.note(turn, OK, next_in=60, notify=False) is None
    assert key_summary(acme)[0] == "revoked"


def test_a_successful_probe_clears_the_refusal_together_with_its_event(world: World, acme: TenantCatalog) -> None:
    acme.keys.refuse(ARN, "Disabled.")
    world.probed(acme, msgspec.structs.replace(OK, condition=KeyCondition.REVOKED))
    assert key_summary(acme)[0] == "revoked"
    world.probed(acme, OK)
    assert key_summary(acme) == ("ok", [], ["ok", "revoked"], True)
    assert acme.keys.state().refusal is None


def test_a_key_of_older_data_keys_has_events_but_does_not_set_the_tenants_state(
    world: World, acme: TenantCatalog
) -> None:
    world.wrap_anew(acme, data_key(acme.tenant_id), OTHER_ARN)
    for _ in range(3):
        acme.keys.refuse(OTHER_ARN, "Gone.")
    acme.keys.allow(OTHER_ARN)
    assert [(event.arn, event.condition) for event in acme.health.history()] == [
        (OTHER_ARN, "ok"),
        (OTHER_ARN, "revoked"),
    ]
    assert (acme.health.get().arn, acme.health.get().condition) == (ARN, "ok")


@pytest.mark.postgresql
def test_the_first_answer_of_the_current_key_replaces_the_health_of_an_unused_key(
    world: World, acme: TenantCatalog
) -> None:
    world.probed(acme, with_warnings(REVOKED, KeyWarning(warning="disabled", message="Disabled.")))
    world.change("tenants", key_arn=OTHER_ARN)
    acme.keys.allow(OTHER_ARN)
    assert acme.health.get().condition == "revoked"  # the previous key still wraps a data key
    world.change("data_keys", arn=OTHER_ARN)
    acme.keys.allow(OTHER_ARN)
    assert (acme.health.get().arn, *key_summary(acme)) == (OTHER_ARN, "ok", [], ["ok", "revoked"], True)
