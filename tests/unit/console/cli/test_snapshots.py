"""The list of snapshots shows the resources that a snapshot lacks."""

import pytest

from console.cli.snapshots import what_lacks
from console.cli.tables import fields_of
from console.documents.snapshots import snapshot_document
from shared.domain.errors import Answer
from shared.domain.model import ResourceReport, Snapshot
from tests.unit.console.documents.test_documents import NOW


@pytest.mark.parametrize(
    ("answer", "stale", "refused", "line"),
    [
        (Answer.WHOLE, False, 0, ""),
        (Answer.UNLICENSED, False, 0, ""),
        (Answer.UNLICENSED, True, 0, "users: unlicensed (as of an earlier snapshot)"),
        (Answer.FAILED, True, 0, "users: failed (as of an earlier snapshot)"),
        (Answer.FAILED, False, 0, "users: failed"),
        (Answer.PARTIAL, False, 1, "users: partial (1 object refused)"),
        (Answer.PARTIAL, False, 7, "users: partial (7 objects refused)"),
    ],
)
def test_a_snapshot_names_its_missing_resources_and_counts_refused_records(
    answer: Answer, stale: bool, refused: int, line: str
) -> None:
    report = ResourceReport(resource="users", answer=answer, records=1, stale=stale, refused=refused)
    snapshot = Snapshot(
        snapshot_id="s",
        job_id="j",
        parent=None,
        created_at=NOW,
        manifest_sha256="f",
        data_key_id="d",
        objects=1,
        links=0,
        complete=False,
        resources=[report],
    )
    assert what_lacks(snapshot) == line
    assert fields_of(snapshot_document(snapshot, "contoso"))["resources"] == [
        {
            "resource": "users",
            "answer": answer,
            "records": 1,
            "stale": stale,
            "refused": refused,
            "request_id": None,
            "unknown": False,
            "added": None,
            "removed": None,
            "changed": None,
        }
    ]
