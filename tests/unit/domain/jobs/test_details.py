"""The details of jobs keep the JSON that workers of other versions store and read."""

from typing import Any

import pytest

from shared.domain.errors import Code
from shared.domain.jobs import (
    Check,
    DamagedBlob,
    Details,
    JobKind,
    KeyAnswer,
    KeyChangeProgress,
    KeyChecks,
    RecordsShown,
    SweepResult,
    UnmovedKey,
    VerifyRequest,
    VerifyResult,
    details_of,
    stored_details,
)
from shared.domain.kms_key import KeyDescription
from shared.domain.trust import Untrusted

ARN = "arn:aws:kms:eu-central-1:444455556666:key/one"
DAMAGED = {"blob": "b", "resource": None, "reason": "BLOB_MISSING"}
KEY = {
    "arn": ARN,
    "state": "PendingDeletion",
    "manager": "CUSTOMER",
    "spec": "SYMMETRIC_DEFAULT",
    "usage": "ENCRYPT_DECRYPT",
    "origin": "AWS_KMS",
    "related": [],
    "deletion": "2026-05-01T12:00:00Z",
    "material_expires": None,
    "request_id": "r",
}
CHANGE = {
    "arn": ARN,
    "before": "arn",
    "moved": 2,
    "to_move": 1,
    "snapshots": ["s"],
    "forgotten": 1,
    "left": [{"blob": "b", "reason": "BLOB_DAMAGED"}],
    "database": "Sentence.",
    "proved": {"0": "h"},
}
UNTRUSTED = {"arn": ARN, "data_keys": 1, "manifests": 2, "found_at": None}
STORED: list[tuple[JobKind, Any, type[Details]]] = [
    (JobKind.DOWNLOAD, {"records": 7}, RecordsShown),
    (JobKind.BROWSE, {"records": 0}, RecordsShown),
    (JobKind.VERIFY, {"shallow": True}, VerifyRequest),
    (JobKind.VERIFY, {"snapshots": 1, "blobs": 2, "damaged": [DAMAGED], "strays": ["x"]}, VerifyResult),
    (JobKind.KEY_CHECK, {"state": "ok"}, KeyAnswer),
    (
        JobKind.KEY_CHECK,
        {
            "arn": ARN,
            "checks": [{"check": "form", "outcome": "passed", "message": None}],
            "key": KEY,
            "request_ids": ["r"],
        },
        KeyChecks,
    ),
    (JobKind.KEY_ENABLE, CHANGE, KeyChangeProgress),
    (JobKind.KEY_UPDATE, CHANGE, KeyChangeProgress),
    (JobKind.SWEEP, {"removed": 3, "strays": ["x"], "untrusted": [UNTRUSTED]}, SweepResult),
]


@pytest.mark.parametrize(("kind", "stored", "type_"), STORED, ids=lambda each: getattr(each, "__name__", None))
def test_stored_details_are_read_and_stored_again_unchanged(kind: JobKind, stored: Any, type_: type[Details]) -> None:
    details = details_of(kind, stored)
    assert type(details) is type_
    assert stored_details(details) == stored


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        (JobKind.VERIFY, {"snapshots": 1, "blobs": 2, "damaged": []}, VerifyResult(snapshots=1, blobs=2, damaged=[])),
        (JobKind.SWEEP, {"removed": 3}, SweepResult(removed=3)),
        (JobKind.KEY_CHECK, {"arn": ARN}, KeyChecks(arn=ARN)),
        (JobKind.KEY_UPDATE, {"arn": ARN}, KeyChangeProgress(arn=ARN)),
        (JobKind.KEY_UPDATE, None, None),
        (JobKind.BACKUP, {"arn": ARN}, None),
    ],
)
def test_rows_of_older_versions_are_read(kind: JobKind, stored: Any, expected: Details | None) -> None:
    assert details_of(kind, stored) == expected


@pytest.mark.parametrize(
    ("kind", "stored"),
    [(JobKind.SWEEP, {"removed": 3, "kept": 4}), (JobKind.KEY_UPDATE, {**CHANGE, "paused": True})],
)
def test_a_field_of_a_newer_version_is_ignored(kind: JobKind, stored: dict[str, Any]) -> None:
    assert details_of(kind, stored) is not None


@pytest.mark.parametrize("stored", ["text", 7, [], {"removed": "many"}, {"removed": 1, "strays": None}])
def test_unreadable_details_are_none(stored: Any) -> None:
    assert details_of(JobKind.SWEEP, stored) is None


@pytest.mark.parametrize(
    ("details", "counts"),
    [
        (RecordsShown(records=7), {"records": 7}),
        (
            VerifyResult(snapshots=1, blobs=2, damaged=[DamagedBlob("b", None, "BLOB_MISSING")]),
            {"snapshots": 1, "blobs": 2, "damaged": 1},
        ),
        (VerifyRequest(shallow=True), {}),
        (SweepResult(removed=3, untrusted=[Untrusted(arn=ARN, data_keys=1, manifests=2)]), {"removed": 3}),
        (KeyChangeProgress(arn=ARN, moved=4, snapshots=["s", "t"]), {"moved": 4, "snapshots": 2}),
    ],
)
def test_the_end_of_a_job_reports_counts(details: Details, counts: dict[str, int]) -> None:
    assert details.counts() == counts


@pytest.mark.parametrize(
    ("details", "requested"),
    [
        (VerifyRequest(shallow=True), {"shallow": True}),
        (VerifyRequest(), {"shallow": False}),
        (KeyChangeProgress(arn=ARN, moved=4), {"arn": ARN}),
        (KeyChecks(arn=ARN), {}),
    ],
)
def test_the_event_of_a_request_names_the_requested_details(details: Details, requested: dict[str, Any]) -> None:
    assert details.requested() == requested


def test_a_retry_repeats_the_request_and_not_the_progress() -> None:
    ended = KeyChangeProgress(arn=ARN, moved=4, left=[UnmovedKey(blob="b", reason=Code.BLOB_DAMAGED)])
    assert ended.for_retry() == KeyChangeProgress(arn=ARN)
    assert KeyChecks(arn=ARN, checks=[Check(check="form", outcome="passed")]).for_retry() is None


def test_the_answer_of_kms_is_part_of_the_checks() -> None:
    details = details_of(JobKind.KEY_CHECK, {"arn": ARN, "key": KEY})
    assert isinstance(details, KeyChecks)
    assert isinstance(details.key, KeyDescription)
    assert details.key.deletion is not None
