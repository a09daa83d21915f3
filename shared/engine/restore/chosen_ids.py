"""Check that the objects exist whose ids a person has given."""

from collections.abc import Iterable

from shared.domain.errors import Code, Refuse
from shared.domain.records import is_guid
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.named import first_id, last_id
from shared.domain.restore.scope import Scope
from shared.engine.restore.sides import SnapshotSide


def check_ids(scope: Scope, snapshot: SnapshotSide, live: SnapshotSide, ids: IdMap) -> None:
    """Raise Refuse ``NO_SUCH_OBJECT`` if no object has a chosen id, or an object to delete is not in the directory.

    An object that was created anew is found by each of its ids.
    """
    missing = _missing(scope.ids, (snapshot, live), ids)
    if missing:
        sentence = (
            f"Neither the snapshot nor the directory has an object with the id {missing}. Check --id and --ids-file."
        )
        raise Refuse(Code.NO_SUCH_OBJECT, sentence)
    missing = _missing(scope.delete_newer, (live,), ids)
    if missing:
        raise Refuse(Code.NO_SUCH_OBJECT, f"The directory has no object with the id {missing}. Check --delete-newer.")


def _missing(chosen: Iterable[str], sides: Iterable[SnapshotSide], ids: IdMap) -> str:
    """Return the first of the ids that no object on these sides has, or an empty text."""
    remaining = {ids.current(each).lower(): each for each in chosen}
    guids = {each for each in remaining if is_guid(each)}
    others = remaining.keys() - guids
    for side in sides:
        for resource in side.objects:
            if guids:
                guids.difference_update([first_id(key.decode()) for key, _ in side.records(resource, guids)])
        # A scope compares other ids, such as those of consents, without case. Only reading every record finds them.
        for resource in side.resources:
            if others:
                others.difference_update(last_id(key.decode()) for key, _ in side.records(resource))
    return next((given for each, given in remaining.items() if each in guids | others), "")
