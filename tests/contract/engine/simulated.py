"""The engine with a tenant whose directory is the Graph simulator, over the real adapter."""

import dataclasses
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.adapters.graph import GraphAccess
from shared.domain.deadline import Deadline
from shared.domain.jobs import Job, PlanProgress
from shared.domain.resources import RESOURCES
from shared.domain.resources.choice import Choice
from shared.domain.restore.operations import Plan
from shared.domain.secret import Secret
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.tenants import add_tenant
from shared.engine.restore.stored_plans import stored_plan
from shared.ports.directory import Identity
from shared.ports.keys import KeyService
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.reading import RETRY_POLICY, Budget
from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator
from tests.tables import small
from tests.unit.vault.parts import ARN

RESTORER = "33333333-3333-3333-3333-333333333333"
RESTORER_SECRET = "restore-secret"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""The template of the role that may write everything."""


def all_permissions() -> list[str]:
    """Return every permission that the table of resources names, and those to read recycle bins, roles and licences."""
    permissions = {"Directory.Read.All", "RoleManagement.Read.Directory", "Organization.Read.All"}
    for row in RESOURCES.values():
        permissions |= {row.permission_read, *row.permissions_to_restore}
    return sorted(permissions - {""})


def reader() -> Identity:
    """Return the application that reads the simulated directory."""
    return Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))


def restorer(simulator: Simulator, permissions: list[str] | None = None) -> Identity:
    """Register the application that restores, with these permissions or all, and return it."""
    granted = all_permissions() if permissions is None else permissions
    simulator.set("apps", {"client_id": RESTORER, "secret": RESTORER_SECRET, "permissions": granted})
    return Identity(directory_id=DIRECTORY_ID, client_id=RESTORER, secret=Secret(RESTORER_SECRET.encode()))


def graph_access(simulator: Simulator, graph_url: str) -> GraphAccess:
    """Return the adapter for the Graph at this URL, with the simulator as sign-in service."""
    return GraphAccess(
        graph_url=graph_url,
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=Budget(),
        token_seconds=60,
        retry_policy=RETRY_POLICY,
    )


@contextmanager
def simulated_world(
    folder: Path,
    simulator: Simulator,
    restoring: Identity | None = None,
    *,
    keys: KeyService | None = None,
    provider_key: str = ARN,
    lease: float = 5.0,
    choice: Choice | None = None,
) -> Iterator[EngineWorld]:
    """Yield a world whose tenant ``contoso`` is the simulated directory, with a small choice unless one is given.

    ``keys`` replaces the key service in memory.
    """
    world = EngineWorld(folder, keys, provider_key, lease)
    access = graph_access(simulator, simulator.url)
    world.context = dataclasses.replace(world.context, access=access, targets=access)
    world.tenant = add_tenant(
        world.context, "ada", "contoso", reader(), restoring=restoring, choice=choice or small()
    ).tenant
    world.catalog = world.context.catalog.tenant(world.tenant.tenant_id)
    try:
        yield world
    finally:
        world.close()


def ended(world: EngineWorld, job: Job) -> Job:
    """Work until the job has ended, and return it.

    What a job notes in its own details does not age with the catalog, so some jobs end after real seconds only.
    """
    patience = Deadline(150.0, time.monotonic)
    while not (last := world.catalog.jobs.get(job.job_id)).state.ended:
        assert not patience.over, f"the job does not end: {last}"
        world.work()
        world.pass_time(5)
    return last


def plan_of(world: EngineWorld, job: Job) -> Plan:
    """Return the plan that a job has made or carried out."""
    assert isinstance(job.detail, PlanProgress)
    assert job.detail.plan is not None, job.message
    with ProcessKeys(world.context, world.catalog) as keys:
        return stored_plan(world.catalog, keys, job.detail.plan)


def value_of(simulator: Simulator, path: str, object_id: str) -> dict[str, Any]:
    """Return an object as the simulator has it."""
    values = (json.loads(line) for line in simulator.objects(path))
    found: dict[str, Any] = next(value for value in values if value["id"] == object_id)
    return found
