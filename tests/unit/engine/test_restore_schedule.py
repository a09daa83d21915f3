"""The order of a restore's operations: stage by stage, and each after the operations that bring its objects back."""

from typing import Any

from shared.domain.restore.operations import Action, Operation
from shared.engine.restore.schedule import stages

ANNA, BERT = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def operation(number: int, action: Action, user: str, stage: int = 2, **more: Any) -> Operation:
    path = "/users" if action is Action.CREATE else f"/users/{user}"
    fields = {"resource": "users", "key": f"users/{user}", "method": "POST", "path": path, **more}
    return Operation(number=number, stage=stage, action=action, reason="x", **fields)


def order(*operations: Operation) -> list[list[int]]:
    return [[each.number for each in group] for group in stages(operations)]


def test_stages_follow_each_other() -> None:
    assert order(
        operation(1, Action.PATCH, ANNA, stage=16), operation(2, Action.CREATE, BERT), operation(3, Action.PATCH, ANNA)
    ) == [[2, 3], [1]]


def test_a_patch_in_the_stage_of_its_creation_waits_for_the_new_id() -> None:
    assert order(
        operation(1, Action.CREATE, ANNA),
        operation(2, Action.PATCH, ANNA),
        operation(3, Action.CREATE, BERT),
        operation(4, Action.PATCH, BERT),
        operation(5, Action.PATCH, ANNA),
    ) == [[1, 3], [2, 4, 5]]


def test_an_operation_that_names_an_object_waits_until_it_is_undeleted() -> None:
    names = operation(2, Action.PATCH, BERT, names=(ANNA,))
    later = operation(3, Action.PATCH, BERT)
    assert order(operation(1, Action.UNDELETE, ANNA), names, later) == [[1], [2, 3]]


def test_a_creation_waits_for_one_that_it_names() -> None:
    names = operation(2, Action.CREATE, BERT, names=(ANNA,))
    assert order(operation(1, Action.CREATE, ANNA), names, operation(3, Action.PATCH, BERT)) == [[1], [2], [3]]
