"""A plan and a report for people: the summary first, what is left out and why, and the next command."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from console.cli.plan_view import next_command, print_plan, print_plans, print_report
from console.cli.restore_report import csv_rows
from console.documents.plans import (
    PlanDocument,
    RestoreReportDocument,
    plan_document,
    plan_row_document,
    report_document,
)
from shared.domain.jobs import Job, JobKind, JobState, Origin, RestoreProgress
from shared.domain.model import Sealed
from shared.domain.restore.operations import Action
from shared.domain.restore.results import ResultDetail
from shared.engine.requests.restores import ReportRow
from shared.ports.catalog.restores import OperationResult, OperationState, PlanRow, PlanState
from tests.unit.domain.restore.test_plan_text import LEFT, PLAN

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ROW = PlanRow(
    plan_id="p",
    job_id="made",
    snapshot_id="s",
    live_id="l",
    state=PlanState.READY,
    created_at=NOW,
    expires_at=NOW + timedelta(days=1),
    sha256="a" * 64,
    operations=2,
    impossible=1,
    reason="ticket 17",
)
DETAIL = ResultDetail(resource="users", key="users/1", name="Ada", action=Action.CREATE)


def document(**changes: object) -> PlanDocument:
    return plan_document(msgspec.structs.replace(ROW, **changes), PLAN, "contoso")


def printed(capsys: pytest.CaptureFixture[str], plan: PlanDocument) -> str:
    print_plan(plan)
    return capsys.readouterr().out


def result(number: int, state: OperationState, **fields: object) -> ReportRow:
    row = OperationResult(
        number=number, state=state, at=NOW, detail=Sealed(row_id="r", data_key_id="d", data=b""), request_id="q"
    )
    return ReportRow(result=row, detail=msgspec.structs.replace(DETAIL, **fields))


def report(*rows: ReportRow, **fields: object) -> RestoreReportDocument:
    detail = RestoreProgress(plan="p", before="b", operations=5, impossible=1, **fields)
    job = Job(
        job_id="j",
        tenant_id="t",
        kind=JobKind.RESTORE,
        state=JobState.SUCCEEDED_WITH_WARNINGS,
        origin=Origin.HAND,
        created_at=NOW,
        parent="s",
        detail=detail,
    )
    return report_document(job, "contoso", rows)


def test_a_plan_begins_with_its_summary_and_ends_with_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, document()).splitlines()
    assert lines[0].startswith("Restore 1 user")
    assert lines[1] == "Note: A note."
    assert "entrakeep restore contoso --plan p --wait" in lines[-1]
    assert "2026-05-02T12:00:00Z" in lines[-1]


def test_a_plan_lists_each_operation_and_what_it_leaves_with_the_values_to_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, document())
    for words in ("Ada", "It is gone for good.", "It gets a new password.", "Needs: User.ReadWrite.All.", "unlink"):
        assert words in text
    assert "An administrator must do this:" in text
    assert "Only people may set it." in text
    assert 'password = "x"' in text


def test_values_and_notes_of_the_directory_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    left = msgspec.structs.replace(LEFT, values={"displayName": msgspec.Raw('"a  b\x9b31m"'.encode())})
    print_plan(
        plan_document(ROW, msgspec.structs.replace(PLAN, notes=["A \x1b[2Jnote."], impossible=[left]), "contoso")
    )
    text = capsys.readouterr().out
    assert r'displayName = "a  b\u009b31m"' in text
    assert "Note: A ?[2Jnote." in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"operations": 0}, "Nothing to do"),
        ({"state": PlanState.DONE, "restore_job": "j"}, "entrakeep restore contoso --report j"),
        ({"state": PlanState.EXPIRED}, "The plan is expired. Make a new one with 'entrakeep plan make contoso s'"),
    ],
)
def test_the_next_command_depends_on_the_state(changes: dict[str, object], words: str) -> None:
    assert words in next_command(document(**changes))


def test_plans_are_listed_with_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    print_plans([plan_row_document(ROW, "contoso")])
    assert "ticket 17" in capsys.readouterr().out
    print_plans([])
    assert "entrakeep plan make NAME SNAPSHOT" in capsys.readouterr().out


def test_a_report_says_what_became_of_the_operations_and_lists_what_needs_a_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = (
        result(1, OperationState.DONE, name="Plain"),
        result(2, OperationState.DONE, name="Noted", notes=("Renew its secret.",)),
        result(3, OperationState.FAILED, reason="Graph refuses this.", message="No seat."),
        result(4, OperationState.NOT_APPLIED, properties=("department",)),
    )
    print_report(report(*rows, done=2, failed=2))
    text = capsys.readouterr().out
    first = text.splitlines()[0]
    assert first == (
        "Restore succeeded_with_warnings: 2 of 5 operations done, 1 failed, 1 accepted by Graph and not applied, "
        "1 not begun."
    )
    for words in ("Renew its secret.", "Graph refuses this.", "No seat.", "Ada: department"):
        assert words in text
    assert "Plain" not in text
    assert "entrakeep plan show contoso p" in text
    assert "entrakeep restore contoso --undo j" in text


def test_a_report_as_csv_has_a_row_for_each_operation_and_nothing_to_calculate() -> None:
    rows = list(csv_rows(report(result(1, OperationState.DONE, name="=1+1", new_id="n"))))
    assert rows[0].startswith(b"n,state,action,resource,key,name")
    assert rows[1].startswith(b"1,done,create,users,users/1,'=1+1,")
    assert len(rows) == 2


def test_what_is_not_restored_is_in_the_document() -> None:
    (left,) = document().impossible
    assert (left.key, left.kind, left.reason) == (LEFT.key, LEFT.kind, LEFT.reason)
