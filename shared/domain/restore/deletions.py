"""Delete objects that were named for it, or that the restore to be undone has created."""

from shared.domain.naming import own_name
from shared.domain.restore.bodies import encoded, is_true
from shared.domain.restore.directory import traits_of
from shared.domain.restore.draft import Draft, path_of, restoring_of
from shared.domain.restore.named import last_id
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.protection import NEED
from shared.domain.restore.refusals import object_refusal
from shared.domain.restore.stages import Stage, deletion
from shared.domain.restore.world import RecordDifference

_NAMED = "It was created after the snapshot, and was named for deletion."
_UNDONE = "The restore that is undone has brought it back."
_OWN = "It is the restoring application, which cannot delete itself."
_NEEDS_ROLE = (
    f"It is a protected user. Deleting it needs the {NEED}. Assign the role and plan again, or delete it by hand."
)
_TRUSTED = "isTrusted"


def delete(draft: Draft, difference: RecordDifference) -> None:
    """Add the operation that deletes an object, or refuse it."""
    resource, key, live = difference.resource, difference.key, difference.live or b""
    object_id, name = last_id(key), own_name(live)
    restoring = restoring_of(resource)
    refusal = object_refusal(restoring, live, traits_of(resource, live))
    if object_id in draft.world.own_ids:
        refusal = Hindrance.IMPOSSIBLE, _OWN
    elif refusal is None and resource == "users" and not draft.protection.permits(object_id):
        refusal = Hindrance.ADMINISTRATOR, _NEEDS_ROLE
    if refusal is not None:
        draft.refuse(resource, key, *refusal, name=name)
        return
    if is_true(live, _TRUSTED):  # Graph does not delete a trusted location
        draft.operate(
            resource,
            key,
            Action.PATCH,
            stage=Stage.LAST,
            reason="A trusted location cannot be deleted.",
            method="PATCH",
            path=path_of(restoring.item, key),
            name=name,
            body=encoded({"@odata.type": b'"#microsoft.graph.ipNamedLocation"', _TRUSTED: b"false"}),
            properties=(_TRUSTED,),
            before=live,
        )
    undone = draft.request.undone
    protected = resource == "users" and draft.protection.covers(object_id)
    draft.operate(
        resource,
        key,
        Action.DELETE,
        stage=deletion(restoring.stage),
        reason=_UNDONE if undone is not None and object_id in undone.created else _NAMED,
        method="DELETE",
        path=path_of(restoring.item, key),
        name=name,
        needs=(NEED,) if protected else (),
        before=live,
    )
