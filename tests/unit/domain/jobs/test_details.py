"""The details of jobs keep the JSON that workers of other versions store and read."""

import json
from typing import Any

import pytest

from shared.domain.audit import Action
from shared.domain.errors import Code
from shared.domain.jobs import (
    Check,
    DamagedBlob,
    Details,
    GraphVerifyRequest,
    GraphVerifyResult,
    JobKind,
    KeyAnswer,
    KeyChangeProgress,
    KeyChecks,
    PlanProgress,
    RecordsShown,
    RestoreProgress,
    SweepResult,
    TenantChecks,
    UnmovedKey,
    VerifyRequest,
    VerifyResult,
    details_of,
    stored_details,
)
from shared.domain.kms_key import KeyDescription
from shared.domain.restore.scope import Scope
from shared.domain.trust import Untrusted

ARN = "arn:aws:kms:eu-central-1:444455556666:key/one"
PERMISSION = {"resource": "users", "answer": "whole", "permission": "User.Read.All", "detail": ""}
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
    "check": "c",
    "asked_by": "ada@console",
    "before": "arn",
    "moved": 2,
    "to_move": 1,
    "snapshots": ["s"],
    "forgotten": 1,
    "left": [{"blob": "b", "reason": "BLOB_DAMAGED"}],
    "database": "Sentence.",
    "proved": {"0": "h"},
}
PLAN = {
    "scope": {
        "resources": ["users"],
        "ids": ["i"],
        "properties": ["department"],
        "links_only": True,
        "deleted_since": "s",
        "changed_since": None,
        "delete_newer": ["n"],
    },
    "rules": {
        "conflict": "skip",
        "links": "exact",
        "links_of": {"groups.owners": "merge"},
        "undelete_only": True,
        "enable_policies": True,
        "stop_on_error": True,
        "drop_taken_addresses": False,
        "exchange_principals": False,
        "new_names": {},
    },
    "reason": "ticket 17",
    "undo": None,
    "backup": "b",
    "plan": "p",
    "operations": 3,
    "impossible": 1,
}
CARRIED = {
    "password_recipient": "age1",
    "given": True,
    "carried_by": "j",
    "before": "s",
    "written_at": "2026-11-30T10:00:00Z",
    "proved_since": "2026-11-30T10:01:00Z",
    "mended_at": "2026-11-30T10:02:00Z",
    "looks": 2,
    "not_shown": 3,
    "suspects": [1, 2],
    "look_at": "2026-11-30T10:03:00Z",
    "after": "t",
    "done": 2,
    "failed": 1,
    "partly": 1,
}
UNTOLD = {"resource": "groups", "records": 9, "missing": 1, "extra": 2, "changed": 3}
UNTRUSTED = {"arn": ARN, "data_keys": 1, "manifests": 2, "found_at": None}
STORED: list[tuple[JobKind, Any, type[Details]]] = [
    (JobKind.DOWNLOAD, {"records": 7}, RecordsShown),
    (JobKind.BROWSE, {"records": 0}, RecordsShown),
    (JobKind.VERIFY, {"shallow": True}, VerifyRequest),
    (JobKind.VERIFY, {"against_graph": True}, GraphVerifyRequest),
    (JobKind.VERIFY, {"untold": [UNTOLD], "not_compared": {"users": "reason"}}, GraphVerifyResult),
    (
        JobKind.VERIFY,
        {"snapshots": 1, "blobs": 2, "damaged": [DAMAGED], "strays": ["x"], "shallow": False},
        VerifyResult,
    ),
    (JobKind.TENANT_CHECK, {"reading": [PERMISSION], "writing": None}, TenantChecks),
    (JobKind.TENANT_CHECK, {"reading": [PERMISSION], "writing": [PERMISSION]}, TenantChecks),
    (JobKind.KEY_CHECK, {"state": "ok"}, KeyAnswer),
    (
        JobKind.KEY_CHECK,
        {
            "arn": ARN,
            "checks": [{"check": "form", "outcome": "passed", "message": None}],
            "key": KEY,
            "request_ids": ["r"],
            "update_by": "ada@console",
        },
        KeyChecks,
    ),
    (JobKind.KEY_ENABLE, CHANGE, KeyChangeProgress),
    (JobKind.KEY_UPDATE, CHANGE, KeyChangeProgress),
    (JobKind.SWEEP, {"removed": 3, "strays": ["x"], "untrusted": [UNTRUSTED]}, SweepResult),
    (JobKind.PLAN, PLAN, PlanProgress),
    (JobKind.RESTORE, {**PLAN, **CARRIED}, RestoreProgress),
]


@pytest.mark.parametrize(("kind", "stored", "type_"), STORED, ids=lambda each: getattr(each, "__name__", None))
def test_stored_details_are_read_and_stored_again_unchanged(kind: JobKind, stored: Any, type_: type[Details]) -> None:
    details = details_of(kind, stored)
    assert type(details) is type_
    assert json.loads(json.dumps(stored_details(details))) == stored


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
        (PlanProgress(operations=3, impossible=1), {"operations": 3, "impossible": 1}),
        (RestoreProgress(operations=3, done=2, failed=1), {"operations": 3, "impossible": 0, "done": 2, "failed": 1}),
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
        (PlanProgress(), {"conflict": "overwrite", "links": "merge"}),
        (
            RestoreProgress(scope=Scope(ids=("i", "j"), links_only=True), reason="ticket 17", plan="p"),
            {
                "conflict": "overwrite",
                "links": "merge",
                "ids": "i,j",
                "links_only": True,
                "reason": "ticket 17",
                "plan": "p",
            },
        ),
    ],
)
def test_the_event_of_a_request_names_the_requested_details(details: Details, requested: dict[str, Any]) -> None:
    assert details.requested() == requested


def test_a_retry_repeats_the_request_and_not_the_progress() -> None:
    ended = KeyChangeProgress(arn=ARN, moved=4, left=[UnmovedKey(blob="b", reason=Code.BLOB_DAMAGED)])
    assert ended.for_retry() == KeyChangeProgress(arn=ARN)
    assert KeyChecks(arn=ARN, checks=[Check(check="form", outcome="passed")]).for_retry() is None


def test_a_retried_plan_is_planned_anew() -> None:
    ended = PlanProgress(reason="ticket 17", undo="u", backup="b", plan="p", operations=3)
    assert ended.for_retry() == PlanProgress(reason="ticket 17", undo="u")


def test_a_retried_restore_goes_on_with_the_plan_that_was_given_or_begun() -> None:
    counts = {"backup": "b", "operations": 3, "done": 2, "failed": 1}
    begun = RestoreProgress(plan="p", carried_by="j", before="s", after="t", **counts)
    assert begun.for_retry() == RestoreProgress(plan="p", carried_by="j", before="s", operations=3)
    given = RestoreProgress(plan="p", given=True, **counts)
    assert given.for_retry().plan == "p"
    own = RestoreProgress(plan="p", before="s", **counts).for_retry()
    assert (own.plan, own.before) == (None, None), "nothing was written, so the plan is made again"


def test_the_request_of_an_undo_is_an_event_of_its_own() -> None:
    assert RestoreProgress(undo="j").requested_as() is Action.UNDO_ASKED
    assert RestoreProgress().requested_as() is PlanProgress(undo="j").requested_as() is None


def test_the_answer_of_kms_is_part_of_the_checks() -> None:
    details = details_of(JobKind.KEY_CHECK, {"arn": ARN, "key": KEY})
    assert isinstance(details, KeyChecks)
    assert isinstance(details.key, KeyDescription)
    assert details.key.deletion is not None
