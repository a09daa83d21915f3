"""For any small directory and any history of it, a plan that is carried out gives the snapshot, up to ids and catches."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.restore.id_map import ids_of
from shared.domain.restore.named import first_id
from shared.domain.restore.operations import Action, Plan
from shared.domain.restore.planning import make_plan
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from shared.domain.restore.undoing import undo_request
from tests.unit.domain.restore.directories import Model, histories, meaning
from tests.unit.domain.restore.worlds import Json, MemoryWorld, guid, plan_of

EXACT = Rules(conflict=ConflictRule.OVERWRITE, links=LinkRule.EXACT, enable_policies=True)
MANY = settings(max_examples=60, deadline=None)
History = tuple[dict[str, Json], Model]


def world_of(snapshot: dict[str, Json], model: Model) -> MemoryWorld:
    return MemoryWorld(snapshot, model.records, bins=model.bins, ids=model.map)


def caught(plan: Plan, model: Model) -> set[str]:
    """Return ids of what the plan could not restore, and of new names for it."""
    keys = [each.key for each in plan.impossible]
    return {model.map.current(part) for key in keys for part in key.split("/")[1::2]}


def is_caught(key: str, ids: set[str]) -> bool:
    return not ids.isdisjoint(key.split("/"))


def restore(snapshot: dict[str, Json], model: Model) -> list[Plan]:
    """Carry a plan out. Plan again for links that come back with undeleted objects.

    One of them may also free the last owner that the first plan kept.
    """
    first = plan_of(world_of(snapshot, model), rules=EXACT)
    model.carry_out(first)
    second = plan_of(world_of(snapshot, model), rules=EXACT)
    undeleted = {first_id(each.key) for each in first.operations if each.action is Action.UNDELETE}
    assert all(each.action is Action.UNLINK for each in second.operations), second.operations
    kept = {each.key for each in first.impossible}
    for each in second.operations:
        assert each.key in kept or not undeleted.isdisjoint(ids_of(each.key.encode() + (each.before or b""))), each
    model.carry_out(second)
    return [first, second]


@MANY
@given(histories())
def test_carrying_a_plan_out_gives_the_snapshot_up_to_ids_and_catches(history: History) -> None:
    snapshot, model = history
    plans = restore(snapshot, model)
    ids = {each for plan in plans for each in caught(plan, model)}
    wanted, live = meaning(snapshot, model.map), meaning(model.records, model.map)
    known = {each for key in wanted for each in ids_of(key.encode())}
    for key in wanted.keys() | live.keys():
        newer = not ids_of(key.encode()) <= known | {guid(70)}
        if not is_caught(key, ids) and not newer:
            assert live.get(key) == wanted.get(key), (key, plans)


@MANY
@given(histories())
def test_a_second_plan_is_empty(history: History) -> None:
    snapshot, model = history
    plans = restore(snapshot, model)
    last = plan_of(world_of(snapshot, model), rules=EXACT)
    assert last.operations == []
    assert {each.key for each in last.impossible} <= {
        model.map.rewritten(each.key.encode()).decode() for plan in plans for each in plan.impossible
    }


@MANY
@given(histories())
def test_undo_gives_the_former_state(history: History) -> None:
    snapshot, model = history
    former, bins = dict(model.copy().records), set(model.bins)
    plan = plan_of(world_of(snapshot, model), rules=EXACT)
    model.carry_out(plan)
    numbers = [each.number for each in plan.operations]
    request = undo_request(
        plan, numbers, model.map, job_id="job", plan_id="undo", tenant="contoso", before="B", live="A"
    )
    undo = make_plan(world_of(former, model), request)
    model.carry_out(undo)
    wanted, live, ids = meaning(former, model.map), meaning(model.records, model.map), caught(undo, model)
    differing = {key for key in wanted.keys() | live.keys() if wanted.get(key) != live.get(key)}
    assert all(is_caught(key, ids) for key in differing), (differing, plan.operations, undo.operations)
    assert {each.resource for each in undo.impossible} <= {"conditionalAccessPolicies", "groups.owners"}
    assert bins <= set(model.bins)


@MANY
@given(histories(), st.lists(st.sampled_from([1, 2, 11, 12, 21, 31, 41]), min_size=1, max_size=2, unique=True))
def test_nothing_outside_the_scope_changes(history: History, numbers: list[int]) -> None:
    snapshot, model = history
    former = model.copy().records
    plan = plan_of(world_of(snapshot, model), Scope(ids=tuple(map(guid, numbers))), EXACT)
    model.carry_out(plan)
    chosen = {guid(each) for each in numbers}
    repaired = {each.key for each in plan.operations if each.reason.startswith("It names")}
    needed = {each.key for each in plan.operations if "needs it" in each.reason}
    written = {each.key for each in plan.operations} - repaired - needed
    texts = {key: f"{key} {former.get(key, snapshot.get(key))}" for key in written}
    adopted = set(plan.adopted.values())
    assert all(any(each in text for each in chosen | adopted) for text in texts.values()), texts
    for key, value in former.items():
        if key not in written | repaired and not any(each in f"{key} {value}" for each in chosen | adopted):
            assert model.records.get(key) == value


@given(histories(), st.sampled_from([ConflictRule.SKIP, ConflictRule.FILL_BLANKS]))
def test_rules_keep_what_exists(history: History, rule: ConflictRule) -> None:
    snapshot, model = history
    former = model.copy().records
    model.carry_out(plan_of(world_of(snapshot, model), rules=Rules(conflict=rule, links=LinkRule.MERGE)))
    for key, value in former.items():
        kept = model.records[key]
        filled = {name for name in kept if value.get(name) in (None, [])} if rule is ConflictRule.FILL_BLANKS else set()
        rewritten = meaning({key: value}, model.map)
        assert filled or meaning({key: kept}, model.map) == rewritten
