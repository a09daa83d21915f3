"""Plans made by hand, and the execution of their operations against the Graph simulator."""

import dataclasses
import json
import os
from typing import Any

from shared.adapters.catalog import open_catalog
from shared.adapters.clock import SystemClock
from shared.domain.backoff import Backoff
from shared.domain.errors import EntrakeepError
from shared.domain.jobs import JobKind, RestorePhase, RestoreProgress
from shared.domain.resources import RESOURCES
from shared.domain.restore.id_map import MapEntry
from shared.domain.restore.operations import Action, Operation, Plan
from shared.domain.restore.results import ResultDetail
from shared.domain.restore.scope import Rules, Scope
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.restore.executing import write_step
from shared.engine.restore.steps import check_step
from shared.engine.restore.stored_plans import open_detail, store_plan
from shared.ports.catalog.restores import OperationState, PlanState
from shared.ports.observer import Point
from tests.contract.catalog.world import new_id
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator

KILLED = 9
NO_RULES = Rules()
STAGES = {Action.UNDELETE: 0, Action.UNLINK: 8, Action.DELETE: 17}
"""Stages of actions whose stage is not that of their resource."""


def set_up(world: EngineWorld) -> None:
    """Use the machine's clock, and limits that are short and hold on a slow machine."""
    world.context = dataclasses.replace(world.context, clock=SystemClock())
    world.limit(
        renew_seconds=0.3,
        write_claim_seconds=2.0,
        write_seconds=0.5,
        doubt_seconds=0.1,
        look_backoff=Backoff(first=0.2, longest=0.4),
        looks=2,
        lag_backoff=Backoff(first=0.05, longest=0.3),
        lag_seconds=30.0,
        mark_seconds=0.3,
        prove_backoff=Backoff(first=0.05, longest=0.2),
        backup_look_seconds=0.0,
    )


def user(name: str, **more: Any) -> dict[str, Any]:
    """Return the values with which a user is created."""
    return {
        "accountEnabled": False,
        "displayName": name,
        "mailNickname": name,
        "userPrincipalName": f"{name}@contoso.onmicrosoft.com",
        **more,
    }


def group(name: str, **more: Any) -> dict[str, Any]:
    """Return the values with which a security group is created."""
    kinds = {"mailEnabled": False, "securityEnabled": True, "groupTypes": []}
    return {"displayName": name, "mailNickname": "sales", **kinds, **more}


def objects(simulator: Simulator, path: str, **values: Any) -> list[dict[str, Any]]:
    """Return the objects of a collection that have these values."""
    stored = [json.loads(line) for line in simulator.objects(path)]
    return [each for each in stored if all(each.get(name) == value for name, value in values.items())]


def ids_of(simulator: Simulator, path: str) -> set[str]:
    return {each["id"] for each in objects(simulator, path)}


def existing(simulator: Simulator, path: str, value: dict[str, Any]) -> str:
    """Create an object without Graph. Return its id."""
    object_id = new_id()
    simulator.create(path, json.dumps({"id": object_id, **value}).encode())
    return object_id


class Script:
    """The operations of a plan, numbered in order."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def create(self, resource: str, old_id: str, value: dict[str, Any], **more: Any) -> None:
        restoring = RESOURCES[resource].restoring
        assert restoring is not None
        how = more.pop("method", "POST"), more.pop("path", restoring.collection)
        self._add(resource, f"{resource}/{old_id}", Action.CREATE, *how, value, **more)

    def patch(self, resource: str, object_id: str, value: dict[str, Any], **more: Any) -> None:
        restoring = RESOURCES[resource].restoring
        assert restoring is not None
        path = restoring.item.replace("{id}", object_id)
        more = {"names": (object_id,), **more}
        self._add(resource, f"{resource}/{object_id}", Action.PATCH, "PATCH", path, value, **more)

    def link(self, resource: str, owner: str, target: str, **more: Any) -> None:
        link = RESOURCES[resource].restoring.link  # type: ignore[union-attr]
        assert link is not None
        root, _, relation = resource.partition(".")
        body = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{target}"}
        path, key = link.add.replace("{owner}", owner), f"{root}/{owner}/{relation}/{target}"
        self._add(resource, key, Action.LINK, link.method, path, body, **{"names": (owner, target), **more})

    def unlink(self, resource: str, owner: str, target: str) -> None:
        link = RESOURCES[resource].restoring.link  # type: ignore[union-attr]
        assert link is not None
        root, _, relation = resource.partition(".")
        path = link.remove.replace("{owner}", owner).replace("{id}", target)
        self._add(resource, f"{root}/{owner}/{relation}/{target}", Action.UNLINK, "DELETE", path)

    def undelete(self, resource: str, object_id: str) -> None:
        path = f"/directory/deletedItems/{object_id}/restore"
        self._add(resource, f"{resource}/{object_id}", Action.UNDELETE, "POST", path)

    def delete(self, resource: str, object_id: str) -> None:
        restoring = RESOURCES[resource].restoring
        assert restoring is not None
        path = restoring.item.replace("{id}", object_id)
        self._add(resource, f"{resource}/{object_id}", Action.DELETE, "DELETE", path)

    def _add(
        self,
        resource: str,
        key: str,
        action: Action,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        restoring = RESOURCES[resource].restoring
        assert restoring is not None
        self.operations.append(
            Operation(
                number=len(self.operations) + 1,
                stage=more.pop("stage", STAGES.get(action, restoring.stage)),
                resource=resource,
                key=key,
                action=action,
                reason="It differs.",
                method=method,
                path=path,
                body=None if body is None else json.dumps(body).encode(),
                properties=tuple(body or ()),
                **more,
            )
        )

    def plan(self, rules: Rules = NO_RULES, **more: Any) -> Plan:
        return Plan(
            plan_id=new_id(),
            snapshot=new_id(),
            live=new_id(),
            scope=Scope(),
            rules=rules,
            operations=self.operations,
            impossible=[],
            **more,
        )


class Restore:
    """A restore of a plan, whose writing step is run by hand."""

    def __init__(self, world: EngineWorld, plan: Plan) -> None:
        """Store the plan, and request a restore that has done its check."""
        self.world, self.plan = world, plan
        world.request(JobKind.PLAN)
        with world.step("plan", 1) as work:
            store_plan(work, plan, reason=None)
            world.catalog.claims.finish(work.claim)
        self.job_id = world.request(JobKind.RESTORE, detail=RestoreProgress(plan=plan.plan_id, given=True)).job_id
        with world.step("check", RestorePhase.CHECK) as work:
            world.catalog.restores.move_plan(plan.plan_id, PlanState.RUNNING, self.job_id)
            detail = RestoreProgress(plan=plan.plan_id, given=True, carried_by=self.job_id)
            assert world.catalog.claims.finish(work.claim, detail=detail)

    def retry(self) -> None:
        """Request the restore again, as ``jobs retry`` does, and run its check."""
        detail = self.world.catalog.jobs.get(self.job_id).detail
        assert isinstance(detail, RestoreProgress)
        self.job_id = self.world.request(JobKind.RESTORE, detail=detail.for_retry()).job_id
        with self.world.step("check", RestorePhase.CHECK) as work:
            assert check_step(work)

    def write(self) -> None:
        """Run the writing step to its end. Raises what ends it early."""
        with self.world.step("write", RestorePhase.WRITE) as work:
            write_step(work)

    def write_killed_at(self, point: Point, nth: int = 1) -> bool:
        """Run the writing step in a process that dies at the point. Return False if it did not come there.

        The claim has expired when this returns.
        """
        child = os.fork()
        if child == 0:
            self._die_at(point, nth)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
        self.world.pass_time(self.world.context.limits.write_claim_seconds + 60)
        return killed

    def _die_at(self, point: Point, nth: int) -> None:
        """Write until the process dies: what it does after the point never happens."""
        passed = 0

        def on_point(reached: Point) -> None:
            nonlocal passed
            passed += reached == point
            if passed == nth and reached == point:
                os._exit(KILLED)

        status = 1
        try:
            catalog = open_catalog(f"sqlite:///{self.world.database}")
            self.world.context = dataclasses.replace(self.world.context, catalog=catalog)
            self.world.catalog = catalog.tenant(self.world.tenant.tenant_id)
            self.world.on_point = on_point  # type: ignore[assignment]
            self.write()
            status = 0
        except EntrakeepError as error:
            print(error)
        finally:
            os._exit(status)

    def states(self) -> list[OperationState | None]:
        """Return the results of all operations, None for those without one."""
        stored = {each.number: each.state for each in self.world.catalog.restores.results(self.job_id)}
        return [stored.get(each.number) for each in self.plan.operations]

    def details(self) -> dict[int, ResultDetail]:
        """Return what the results say, by number."""
        with ProcessKeys(self.world.context, self.world.catalog) as keys:
            return {
                each.number: open_detail(self.world.catalog, keys, each.detail)
                for each in self.world.catalog.restores.results(self.job_id)
            }

    def codes(self) -> dict[int, str]:
        return {each.number: each.code for each in self.world.catalog.restores.results(self.job_id)}

    def new_id(self, old_id: str) -> str:
        """Return the id under which an object was created."""
        entry = self.entries()[old_id]
        assert entry.current_id is not None
        return entry.current_id

    def entries(self) -> dict[str, MapEntry]:
        return {each.old_id: each for each in self.world.catalog.restores.map_entries()}
