"""Key health in SQL: one probe a turn, an event a change, and one at a time told to the outside."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec

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


def warned(noted: ProbeOutcome, *warnings: KeyWarning) -> ProbeOutcome:
    values: dict[str, Any] = {name: getattr(noted, name) for name in noted.__struct_fields__}
    return ProbeOutcome(**{**values, "warnings": list(warnings)})


def test_of_all_who_ask_one_gets_a_turn(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    catalogs = [world.catalog, world.another(), world.another()]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda catalog: catalog.probes().take(EVERY, 10, 60.0), catalogs))
    taken = sorted(turn.tenant_id for turns in found for turn in turns)
    assert taken == sorted([acme.tenant_id, other.tenant_id])
    assert take(world) == []


def test_the_longest_due_are_taken_first_and_no_more_than_are_wanted(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    first = take(world, 1)
    second = take(world, 1)
    assert {turn.tenant_id for turn in first + second} == {acme.tenant_id, other.tenant_id}
    assert take(world, 1) == []
    world.pass_time(100)
    assert [turn.tenant_id for turn in take(world, 2)] == [first[0].tenant_id, second[0].tenant_id]
    assert take(world, 0) == []


def test_the_next_probe_is_due_at_once_and_looks_closely_where_somebody_asks_for_it(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    for tenant in (acme, other):
        world.probed(tenant, warned(OK))
    assert acme.health.get().looked_at is not None
    assert take(world) == []
    acme.health.look_again()
    assert acme.health.get().looked_at is None
    assert [turn.tenant_id for turn in take(world)] == [acme.tenant_id]


def test_a_probe_that_began_before_somebody_asked_for_a_closer_look_notes_nothing(
    world: World, acme: TenantCatalog
) -> None:
    (turn,) = take(world)
    acme.health.look_again()
    assert acme.health.note(turn, warned(OK), next_in=300, notify=True) is None
    assert acme.health.get().looked_at is None
    assert [turn.tenant_id for turn in take(world)] == [acme.tenant_id]


def test_a_tenant_just_added_waits_for_one_interval(world: World, acme: TenantCatalog) -> None:
    world.change("tenants", created_at=world.catalog.tenants()[0].created_at + timedelta(days=36500))
    assert take(world) == []


def test_a_turn_of_which_nothing_is_noted_comes_again_and_what_it_notes_late_is_nothing(
    world: World, acme: TenantCatalog
) -> None:
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


def test_a_key_that_was_never_probed_is_taken_to_be_well(world: World, acme: TenantCatalog) -> None:
    health = acme.health.get()
    assert (health.condition, health.arn, health.since) == (KeyCondition.OK, ARN, NOW)
    assert (health.checked_at, health.looked_at, health.warnings) == (None, None, [])
    assert acme.health.history() == []


def test_only_a_change_is_an_event_and_since_is_when_it_came(
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


def test_a_warning_that_comes_or_goes_is_an_event_too_and_stays_until_somebody_looks_again(
    world: World, acme: TenantCatalog
) -> None:
    event = world.probed(acme, warned(OK, EXPIRES))
    assert event is not None
    assert event.warnings == [EXPIRES]
    assert world.probed(acme, OK) is None
    health = acme.health.get()
    assert health.warnings == [EXPIRES]
    assert health.looked_at is not None
    assert health.checked_at is not None
    assert health.looked_at < health.checked_at
    other_words = KeyWarning(warning="material-expires-7", message="Soon.")
    assert world.probed(acme, warned(OK, other_words)) is None
    assert world.probed(acme, warned(OK)) is not None
    assert acme.health.get().warnings == []
    assert [each.warnings for each in acme.health.history()] == [[], [EXPIRES]]


def test_no_more_than_fifty_events_are_kept(world: World, acme: TenantCatalog) -> None:
    for n in range(52):
        assert world.probed(acme, REVOKED if n % 2 == 0 else OK)
    assert [event.number for event in acme.health.history(100)] == list(range(52, 2, -1))


def test_events_are_told_one_by_one_in_order_and_again_until_the_other_side_has_them(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    probes = world.catalog.probes()
    world.probed(acme, REVOKED, tell=True)
    world.probed(acme, OK, tell=True)
    world.probed(other, REVOKED, tell=False)
    (telling,) = probes.due_notices(10, 60)
    assert (telling.tenant, telling.tenant_id, telling.tries) == ("acme", acme.tenant_id, 1)
    assert (telling.event.number, telling.event.condition) == (1, KeyCondition.REVOKED)
    assert world.another().probes().due_notices(10, 60) == []
    probes.retry_delivery(telling, "503", 5)
    assert probes.due_notices(10, 60) == []
    world.pass_time(6)
    (again,) = probes.due_notices(10, 60)
    assert (again.event.number, again.tries) == (1, 2)
    probes.retry_delivery(telling, "late", 0)
    assert probes.due_notices(10, 60) == []
    world.pass_time(61)
    (once_more,) = probes.due_notices(10, 60)
    assert (once_more.event.number, once_more.tries) == (1, 3)
    probes.mark_delivered(once_more, "200")
    (following,) = probes.due_notices(10, 60)
    assert (following.event.number, following.event.condition) == (2, KeyCondition.OK)
    probes.mark_delivered(following, "200")
    assert probes.due_notices(10, 60) == []
    told = [row for row in world.rows("key_events") if row["tenant_id"] == acme.tenant_id]
    assert [(row["outcome"], row["told_at"] is not None) for row in told] == [("200", True)] * 2


def test_of_all_who_tell_one_gets_an_event(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED, tell=True)
    catalogs = [world.catalog, world.another(), world.another()]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda catalog: catalog.probes().due_notices(10, 60.0), catalogs))
    assert sum(map(len, found)) == 1


def test_old_news_is_told_to_nobody(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED, tell=True)
    world.pass_time(86_401)
    assert world.catalog.probes().due_notices(10, 60) == []


def test_a_tenant_that_is_removed_takes_its_health_along(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED, tell=True)
    (turn,) = (world.pass_time(100), take(world))[1]
    acme.remove()
    assert (world.count("key_health"), world.count("key_events")) == (0, 0)
    assert acme.health.note(turn, OK, next_in=0, notify=True) is None


def test_code_that_does_not_know_these_tables_removes_a_tenant_all_the_same(world: World, acme: TenantCatalog) -> None:
    world.probed(acme, REVOKED)
    world.remove_as_before(acme, "key_health", "key_events")
    assert (world.count("key_health"), world.count("key_events")) == (0, 0)


# -- jobs learn it first


def shown(acme: TenantCatalog) -> tuple[object, list[str], list[str], bool]:
    """What is shown of the key: its state, warnings, the history's states, newest first, and that they agree."""
    health, history = acme.health.get(), acme.health.history()
    document = key_document(acme.tenant(), acme.keys.state(), health, history)
    agree = document.state == history[0].condition == health.condition
    warnings = [each.warning for each in health.warnings]
    return document.state, warnings, [event.condition for event in history], agree


def test_a_refusal_and_an_answer_that_jobs_meet_are_state_and_history_at_once(acme: TenantCatalog) -> None:
    begun = acme.health.get().since
    acme.keys.refuse(ARN, "Disabled.")
    assert shown(acme) == ("revoked", [], ["revoked"], True)
    refused = acme.health.get().since
    acme.keys.refuse(ARN, "Disabled.")
    acme.keys.allow(ARN)
    acme.keys.allow(ARN)
    assert shown(acme) == ("ok", [], ["ok", "revoked"], True)
    assert begun < refused <= acme.health.get().since
    assert [event_of(entry).action for entry in acme.audit.recent(2)] == ["key.answered", "key.refused"]


def test_an_answer_withdraws_the_warnings_that_it_proves_wrong_and_no_others(world: World, acme: TenantCatalog) -> None:
    words = ("disabled", "deletion", "no-material", "store-away", "material-expires-7", "no-way-out")
    warnings = [KeyWarning(warning=word, message=f"It is {word}.") for word in words]
    world.probed(acme, msgspec.structs.replace(REVOKED, warnings=warnings))
    acme.keys.refuse(ARN, "Disabled.", probed=True)
    assert shown(acme) == ("revoked", [*words], ["revoked"], True)
    acme.keys.allow(ARN)
    assert shown(acme) == ("ok", ["material-expires-7", "no-way-out"], ["ok", "revoked"], True)
    assert [turn.tenant_id for turn in world.catalog.probes().take(60, 10, 60)] == [acme.tenant_id]


def test_an_answer_ends_an_outage_and_leaves_what_it_says_nothing_of(world: World, acme: TenantCatalog) -> None:
    for condition, after in (("unreachable", "ok"), ("misconfigured", "misconfigured"), ("damaged", "damaged")):
        found = KeyCondition(condition)
        world.probed(acme, msgspec.structs.replace(REVOKED, condition=found, result=found, code=Code.KEY_UNREACHABLE))
        acme.keys.allow(ARN)
        assert acme.health.get().condition == after


def test_a_probe_under_way_when_a_job_met_an_answer_notes_nothing(world: World, acme: TenantCatalog) -> None:
    world.pass_time(1000)
    (turn,) = world.catalog.probes().take(60, 10, 60)
    acme.keys.refuse(ARN, "Disabled.")
    assert acme.health.note(turn, OK, next_in=60, notify=False) is None
    assert shown(acme)[0] == "revoked"


def test_a_probes_success_forgets_the_refusal_with_its_event(world: World, acme: TenantCatalog) -> None:
    acme.keys.refuse(ARN, "Disabled.")
    world.probed(acme, msgspec.structs.replace(OK, condition=KeyCondition.REVOKED))
    assert shown(acme)[0] == "revoked"
    world.probed(acme, OK)
    assert shown(acme) == ("ok", [], ["ok", "revoked"], True)
    assert acme.keys.state().refusal is None


def test_a_key_that_only_older_data_keys_are_under_has_events_and_not_the_tenants_state(
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


def test_what_is_known_of_a_key_before_goes_with_the_first_answer_for_the_one_that_took_its_place(
    world: World, acme: TenantCatalog
) -> None:
    world.probed(acme, warned(REVOKED, KeyWarning(warning="disabled", message="Disabled.")))
    world.change("tenants", key_arn=OTHER_ARN)
    acme.keys.allow(OTHER_ARN)
    assert acme.health.get().condition == "revoked"  # it still wraps a data key
    world.change("data_keys", arn=OTHER_ARN)
    acme.keys.allow(OTHER_ARN)
    assert (acme.health.get().arn, *shown(acme)) == (OTHER_ARN, "ok", [], ["ok", "revoked"], True)
