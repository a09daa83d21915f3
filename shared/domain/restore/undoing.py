"""Undo a restore: a plan that gives back what its operations changed, and deletes what they brought back."""

from collections.abc import Collection

from shared.domain.restore.id_map import IdMap
from shared.domain.restore.named import last_id
from shared.domain.restore.operations import Action, Plan
from shared.domain.restore.pairing import written_keys
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from shared.domain.restore.world import Request, Undone

_RETURNS = frozenset({Action.CREATE, Action.UNDELETE})


def undo_request(
    plan: Plan, done: Collection[int], ids: IdMap, *, job_id: str, plan_id: str, tenant: str, before: str, live: str
) -> Request:
    """Return the request for the plan that undoes a restore.

    ``done`` are the numbers of the operations of ``plan`` that were carried out, ``before`` is the snapshot that was taken
    first, and ``ids`` the id map with what the restore has created.
    """
    carried_out = [each for each in plan.operations if each.number in done]
    returned = [each for each in carried_out if each.action in _RETURNS]
    return Request(
        plan_id=plan_id,
        tenant=tenant,
        snapshot=before,
        live=live,
        scope=Scope(),
        rules=Rules(conflict=ConflictRule.OVERWRITE, links=LinkRule.EXACT, enable_policies=True),
        keys=frozenset(key for each in carried_out for key in written_keys(each, ids)),
        undone=Undone(job_id=job_id, created=frozenset(ids.current(last_id(each.key)).lower() for each in returned)),
    )
