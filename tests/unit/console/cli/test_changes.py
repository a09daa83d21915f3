"""What changed since the parent snapshot, in words."""

from datetime import UTC, datetime

from console.documents.changes import total_changes
from shared.domain.errors import Answer
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.restore.id_map import ID_MAP


def test_the_id_map_is_no_resource_whose_changes_are_unknown() -> None:
    users = ResourceReport(resource="users", answer=Answer.WHOLE, records=3, added=1, removed=0, changed=0)
    id_map = ResourceReport(resource=ID_MAP, answer=Answer.WHOLE, records=2)
    snapshot = Snapshot(
        snapshot_id="s",
        job_id="j",
        parent="p",
        created_at=datetime(2026, 11, 30, tzinfo=UTC),
        manifest_sha256="",
        data_key_id="k",
        objects=3,
        links=0,
        complete=True,
        resources=[users, id_map],
    )
    assert total_changes(snapshot) == "1 added"
