"""Objects that no application creates: they are undeleted or updated, and otherwise left to an administrator."""

from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.scope import Scope
from tests.unit.domain.restore.worlds import MemoryWorld, body, guid, hindrances, plan_of

KEY = f"lifecycleWorkflows/{guid(1)}"
WORKFLOW = {KEY: {"id": guid(1), "displayName": "Leavers", "isEnabled": True, "isSchedulingEnabled": True}}


def test_workflow_in_the_recycle_bin_is_undeleted() -> None:
    plan = plan_of(MemoryWorld(WORKFLOW, {}, bins=WORKFLOW))
    assert [each.action for each in plan.operations] == [Action.UNDELETE]
    assert plan.operations[0].path.endswith(f"/deletedItems/workflows/{guid(1)}/restore")


def test_workflow_that_is_gone_is_left_to_an_administrator() -> None:
    plan = plan_of(MemoryWorld(WORKFLOW, {}), Scope(ids=(guid(1),)))
    assert plan.operations == []
    (entry,) = hindrances(plan, Hindrance.ADMINISTRATOR)
    assert entry.key == KEY
    assert "no application can create it" in entry.reason


def test_assignment_of_a_package_is_left_to_an_administrator_with_its_values() -> None:
    key = f"accessPackageAssignments/{guid(2)}"
    value = {"id": guid(2), "state": "delivered", "target": {"objectId": guid(3)}, "accessPackage": {"id": guid(4)}}
    plan = plan_of(MemoryWorld({key: value}, {}))
    (entry,) = hindrances(plan, Hindrance.ADMINISTRATOR)
    assert entry.reason.startswith("Graph takes assignments as requests, which give access at once: ")
    assert {"target", "accessPackage"} <= entry.values.keys()


def test_package_is_created_in_its_catalog_by_id_alone() -> None:
    catalog = {"id": guid(5), "displayName": "Sales", "catalogType": "userManaged", "state": "published"}
    package = {"id": guid(6), "displayName": "Laptops", "catalog": catalog}
    live = {f"accessPackageCatalogs/{guid(5)}": catalog}
    plan = plan_of(MemoryWorld(live | {f"accessPackages/{guid(6)}": package}, live))
    (creation,) = plan.operations
    assert body(creation) == {"displayName": "Laptops", "catalog": {"id": guid(5)}}
