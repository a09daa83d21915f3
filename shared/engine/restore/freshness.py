"""Check that what a plan touches is still as it was when the plan was made."""

from collections.abc import Collection

from shared.domain.compare import ChangedRecord
from shared.domain.errors import Code, Refuse
from shared.domain.restore.operations import Plan
from shared.domain.restore.pairing import row_key
from shared.domain.restore.summary import touched_keys
from shared.engine.restore.chosen_keys import differing_records, has_changed
from shared.engine.steps.work import Work
from shared.vault.snapshot_reader import SnapshotReader


def check_plan(work: Work, plan: Plan, live: SnapshotReader) -> None:
    """Raise Refuse ``PLAN_OUTDATED`` if a record that the plan touches, or an object that it names, has changed.

    ``live`` reads the directory's present state. Properties that change by themselves do not count.
    """
    made_from = work.catalog.snapshots.get(plan.live)
    then = SnapshotReader(work.blobs, work.blobs.manifest(made_from).streams)
    touched = touched_keys(plan)
    named = {name.lower().encode() for each in plan.operations for name in each.names}
    changed = list[bytes]()
    for resource, record in differing_records(work, then, live):
        is_object = "." not in resource
        is_named = record.after is None and is_object and record.key.rpartition(b"/")[2] in named
        if is_named or (_touches(touched, resource, record) and has_changed(resource, record)):
            changed.append(record.key)
    if changed:
        raise Refuse(Code.PLAN_OUTDATED, _sentence(plan, changed, work.context.limits.outdated_records))


def _touches(touched: Collection[str], resource: str, record: ChangedRecord) -> bool:
    """Return True if a plan that touches these keys writes a record, or one that the record has taken the place of."""
    key = record.key.decode()
    return key in touched or row_key(resource, key, record.after or record.before or b"") in touched


def _sentence(plan: Plan, changed: list[bytes], most: int) -> str:
    """Return what has changed, ``most`` records by name, and what to do."""
    names = ", ".join(key.decode() for key in changed[:most])
    more = f" and {len(changed) - most:,} more" if len(changed) > most else ""
    return (
        f"The directory has changed since the plan {plan.plan_id} was made, in what the plan touches: {names}{more}. "
        "Make a new plan with 'entrakeep plan make'."
    )
