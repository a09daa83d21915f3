"""Make the plan of a restore from a snapshot and the directory's present state."""

import asyncio
import uuid
from collections.abc import Iterator

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import PlanProgress
from shared.domain.model import Snapshot
from shared.domain.resources import RESOURCES
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Plan
from shared.domain.restore.pairing import rewritten_key
from shared.domain.restore.planning import make_plan
from shared.domain.restore.undoing import undo_request
from shared.domain.restore.world import Known, Request
from shared.domain.sign_in import no_restore_identity
from shared.engine.restore.chosen_ids import check_ids
from shared.engine.restore.chosen_keys import keys_since, written_plan
from shared.engine.restore.connection import connected, planning_identity
from shared.engine.restore.directory_facts import DirectoryFacts
from shared.engine.restore.stored_plans import open_detail
from shared.engine.restore.world import TenantWorld
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import OperationState
from shared.vault.snapshot_reader import SnapshotReader

_WITH_REFUSALS = tuple(state for state in OperationState if state is not OperationState.DONE)


def plan_restore(work: Work, detail: PlanProgress, snapshot_id: str, live: Snapshot) -> Plan:
    """Return the plan that restores a snapshot, made from the backup ``live``.

    Raise Refuse ``NO_SUCH_SNAPSHOT``, ``NO_SUCH_OBJECT``, ``WRONG_USE`` for an undo of a restore that has written nothing,
    GraphTrouble, and what reading raises.
    """
    ids = IdMap(work.catalog.restores.map_entries())
    wanted = work.catalog.snapshots.get(snapshot_id)
    before, after = (SnapshotReader(work.blobs, work.blobs.manifest(row).streams) for row in (wanted, live))
    request = _request(work, detail, wanted, live, after, ids)
    identity = planning_identity(work.catalog, work.keys)
    with asyncio.Runner() as runner:
        target = runner.run(connected(work.context, identity, work.check))
        try:
            facts = DirectoryFacts(runner, target, identity.client_id)
            own_ids = frozenset(each for each in (facts.principal_id, identity.client_id.lower()) if each is not None)
            world = TenantWorld(work, (before, after), ids, list(_known(work, ids)), facts, own_ids)
            check_ids(request.scope, world.snapshot, world.live, ids)
            plan = make_plan(world, request)
            return msgspec.structs.replace(plan, notes=[*plan.notes, *_notes(work, facts)])
        finally:
            runner.run(target.close())


def _request(
    work: Work, detail: PlanProgress, wanted: Snapshot, live: Snapshot, reader: SnapshotReader, ids: IdMap
) -> Request:
    """Return what the plan is made for. ``reader`` reads the directory's present state."""
    plan_id, tenant = str(uuid.uuid4()), work.catalog.tenant().name
    if detail.undo is not None:
        plan, numbers = written_plan(work, detail.undo)
        return undo_request(
            plan,
            numbers,
            ids,
            job_id=detail.undo,
            plan_id=plan_id,
            tenant=tenant,
            before=wanted.snapshot_id,
            live=live.snapshot_id,
        )
    return Request(
        plan_id=plan_id,
        tenant=tenant,
        snapshot=wanted.snapshot_id,
        live=live.snapshot_id,
        scope=detail.scope,
        rules=detail.rules,
        keys=keys_since(work, detail.scope, reader, ids),
    )


def _known(work: Work, ids: IdMap) -> Iterator[Known]:
    """Yield the changes that Graph did not apply in the latest restores."""
    carried = [plan.restore_job for plan in work.catalog.restores.plans() if plan.restore_job is not None]
    for job_id in list(dict.fromkeys(carried))[: work.context.limits.known_restores]:
        for result in work.catalog.restores.results(job_id, _WITH_REFUSALS):
            detail = open_detail(work.catalog, work.keys, result.detail)
            if result.state is OperationState.NOT_APPLIED or detail.lasting:
                exists = detail.action is Action.CREATE and bool(detail.values)
                yield Known(
                    resource=detail.resource,
                    key=rewritten_key(detail.key.encode(), ids).decode(),
                    action=Action.PATCH if exists else detail.action,
                    values=detail.values,
                    note=detail.reason,
                )


def _notes(work: Work, facts: DirectoryFacts) -> Iterator[str]:
    """Yield notes for the user about the whole plan, besides those of the planner."""
    try:
        work.catalog.keys.restore_credential()
    except Refuse as refusal:
        if refusal.code is not Code.NO_RESTORE_IDENTITY:
            raise
        yield no_restore_identity(work.catalog.tenant().name).message
    yield from (_unread_bin(work.catalog.tenant().name, resource) for resource in sorted(facts.unread_bins))


def _unread_bin(tenant: str, resource: str) -> str:
    """Return the note about a recycle bin that Graph did not show to the application."""
    row = RESOURCES[resource].restoring
    if row is not None and row.bin is not None and not row.bin.by_application:
        return (
            f"Graph shows the recycle bin of {resource} to people only. What is in it is created again under a new id: to "
            "keep an old id, undelete the object in the Microsoft Entra admin center, and plan again."
        )
    return (
        f"Graph did not show the recycle bin of {resource} to the application, so the plan creates "
        f"objects that may still be in it. 'entrakeep tenant check {tenant} --restore' names the missing permission."
    )
