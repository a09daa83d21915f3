"""A plan in words, the records that it touches, and the keys that narrow it."""

from shared.domain.restore.pairing import row_key
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from shared.domain.restore.summary import summary, touched_keys
from shared.domain.restore.undoing import undo_request
from tests.unit.domain.restore.objects import (
    application,
    assignment,
    group,
    link,
    member,
    policy,
    principal,
    together,
    user,
)
from tests.unit.domain.restore.worlds import MemoryWorld, encoded, guid, id_map, plan_of, steps

EXACT = Rules(conflict=ConflictRule.OVERWRITE, links=LinkRule.EXACT)


def test_summary_names_what_is_restored_and_what_is_not() -> None:
    people = together(*(user(number) for number in range(10, 15)))
    members = together(*(member(1, number) for number in range(10, 15)))
    snapshot = together(people, group(1), members, policy(2, state="disabled"), group(3, onPremisesSyncEnabled=True))
    plan = plan_of(MemoryWorld(snapshot, people))
    assert summary(plan) == "Restore 1 group, 5 links, 1 policy; 5 as they were, 2 under a new id, 1 cannot be restored"


def test_summary_names_what_is_removed_and_what_is_restored_in_part() -> None:
    common = together(user(1), user(2), group(3))
    snapshot = together(common, user(4, jobTitle="A", identities=[]))
    live = together(
        common, user(4, jobTitle="B", identities=[{"issuer": "contoso.com"}]), member(3, 1), member(3, 2), user(5)
    )
    plan = plan_of(MemoryWorld(snapshot, live), Scope(delete_newer=(guid(5),)), EXACT)
    assert summary(plan) == "Restore 1 user, and remove 2 links, 1 user; 1 as it was, 1 only in part"


def test_summary_of_nothing() -> None:
    assert summary(plan_of(MemoryWorld(user(1), user(1)))) == "Restore nothing"


def test_unchanged_records_are_counted() -> None:
    snapshot = together(user(1), user(2), user(3, jobTitle="A"), group(4))
    world = MemoryWorld(snapshot, together(user(1), user(2), user(3), group(4)))
    assert plan_of(world).unchanged == 3
    assert plan_of(world, Scope(ids=(guid(1), guid(3)))).unchanged == 1


def test_plan_touches_the_records_that_it_writes() -> None:
    plan = plan_of(MemoryWorld(together(user(1), user(2, jobTitle="A")), user(2, jobTitle="B")))
    assert touched_keys(plan) == {f"users/{guid(1)}", f"users/{guid(2)}"}


def test_plan_touches_a_link_or_row_that_takes_the_place_of_its_own() -> None:
    people = together(user(1), user(2), user(3), user(4), principal(5, 6))
    manager, row = link("users", 1, "manager", 2), assignment("a", guid(70), 1, 5)
    touched = touched_keys(plan_of(MemoryWorld(together(people, manager, row), people)))
    assert touched >= {*manager, *row}
    (other,), (again,) = link("users", 1, "manager", 4), assignment("b", guid(70), 1, 5).items()
    assert row_key("users.manager", other, b"{}") in touched
    assert row_key("servicePrincipals.appRoleAssignedTo", again[0], encoded(again[1])) in touched


def test_keys_narrow_a_plan() -> None:
    world = MemoryWorld(together(user(1), user(2), group(3), member(3, 1)), group(3))
    plan = plan_of(world, keys=frozenset({f"users/{guid(1)}", f"groups/{guid(3)}/members/{guid(1)}"}))
    assert {each.key for each in plan.operations} == {f"users/{guid(1)}", f"groups/{guid(3)}/members/{guid(1)}"}


def test_row_and_single_link_have_a_key_that_survives_their_replacement() -> None:
    first, second = (assignment(row, guid(70), 1, 2) for row in ("a", "b"))
    resource = "servicePrincipals.appRoleAssignedTo"
    keys = {row_key(resource, key, encoded(value)) for key, value in together(first, second).items()}
    assert len(keys) == 1 and keys.isdisjoint(together(first, second))
    managers = together(link("users", 1, "manager", 2), link("users", 1, "manager", 3))
    assert len({row_key("users.manager", key, b"{}") for key in managers}) == 1
    (only,) = member(1, 2)
    assert row_key("groups.members", only, b"{}") == only


def test_undo_is_limited_to_what_was_done() -> None:
    common = together(application(1), principal(2, 1), user(3))
    snapshot = together(common, user(4), user(5, jobTitle="A"), user(6, jobTitle="A"), assignment("a", guid(70), 3, 2))
    live = together(common, user(5, jobTitle="B"), user(6, jobTitle="B"))
    plan = plan_of(MemoryWorld(snapshot, live))
    done = {each.number for each in plan.operations if guid(6) not in each.key}
    ids = id_map({guid(4): guid(9)}, "users")
    request = undo_request(plan, done, ids, job_id="job", plan_id="undo", tenant="contoso", before="B", live="A")
    after = together(
        common,
        user(9, displayName="User 4"),
        user(5, jobTitle="A"),
        user(6, jobTitle="A"),
        assignment("z", guid(70), 3, 2),
    )
    undo = plan_of(
        MemoryWorld(live, after, ids=ids), request.scope, request.rules, keys=request.keys, undone=request.undone
    )
    assert steps(undo) == [
        ("patch", f"users/{guid(5)}"),
        ("unlink", f"servicePrincipals/{guid(2)}/appRoleAssignedTo/z"),
        ("delete", f"users/{guid(9)}"),
    ]
    assert undo.undone_job == "job"
