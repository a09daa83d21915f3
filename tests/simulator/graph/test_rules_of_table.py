"""The simulator's rules for writes and the product's table, made from the same reference, agree."""

import pytest

from shared.domain.resources import RESOURCES, STREAMS, Resource, Restoring
from shared.domain.resources.restoring import RestoreKind, SafeCreate
from simulator.graph.kinds import Kind, split
from simulator.graph.writes.rules import Rules
from simulator.graph.writes.table import RULES


def kind_of(row: Resource) -> Kind | None:
    """Return the kind of a resource's objects, or None if the simulator does not have it."""
    parts = split(row.path.partition("?")[0])
    if parts is None:
        return None
    kind, tail = parts
    if len(tail) < 2:
        return kind
    children, relation = STREAMS[row.stream].children, kind.relation(tail[1])
    return kind if children is not None and children.detail else relation.child if relation is not None else None


BY_PATH = {row.path: kind for row in RESOURCES.values() if (kind := kind_of(row)) is not None}
BEYOND = {"authenticationBehaviors", "managerApplications"}
"""Properties that the simulator does not have."""
UNWRITTEN = (RestoreKind.ADMINISTRATOR, RestoreKind.NEVER)
OBJECTS = tuple(
    row
    for row in RESOURCES.values()
    if row.path in BY_PATH and BY_PATH[row.path] in RULES and row.restoring and row.restoring.kind not in UNWRITTEN
)


def parts(row: Resource) -> tuple[Restoring, Kind, Rules]:
    assert row.restoring is not None
    kind = BY_PATH[row.path]
    return row.restoring, kind, RULES[kind]


def test_the_rules_of_all_objects_are_compared() -> None:
    kinds = (RestoreKind.OBJECT, RestoreKind.SINGLETON, RestoreKind.ROW)
    restored = {name for name, row in RESOURCES.items() if row.restoring and row.restoring.kind in kinds}
    assert restored - {row.resource for row in OBJECTS} == {"servicePrincipals.appRoleAssignedTo"}


@pytest.mark.parametrize("row", OBJECTS, ids=lambda row: row.resource)
def test_graph_lets_the_properties_be_written_that_the_table_writes(row: Resource) -> None:
    table, kind, rules = parts(row)
    written = {*table.writable, *table.create_only}
    assert written - BEYOND <= {*kind.properties, *kind.embedded}
    assert not written & (rules.read_only | rules.delegated)
    assert not set(table.writable) & rules.create_only
    assert rules.delegated <= set(table.by_administrator)


@pytest.mark.parametrize("row", OBJECTS, ids=lambda row: row.resource)
def test_the_table_gives_what_graph_demands(row: Resource) -> None:
    table, _, rules = parts(row)
    created = table.kind in (RestoreKind.OBJECT, RestoreKind.ROW) and table.create is not SafeCreate.NEVER
    assert not created or set(rules.required) <= {*table.required, *table.generated}
    assert rules.not_null & set(table.writable) <= set(table.not_cleared)
    assert rules.alone & set(table.writable) <= set(table.alone)
    assert rules.creates_by_patch == (created and not table.collection)


@pytest.mark.parametrize("row", OBJECTS, ids=lambda row: row.resource)
def test_a_mark_can_be_replaced_and_blocks_no_other_object(row: Resource) -> None:
    table, _, rules = parts(row)
    assert table.mark not in rules.create_only | rules.once
    always_unique = {each.name for each in rules.unique if each.applies({})}
    assert table.mark not in always_unique
