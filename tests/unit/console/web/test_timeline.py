"""The chart of snapshots: one mark for each part, the best snapshot of a part, and failures below."""

from datetime import UTC, datetime, timedelta

from console.web.timeline import WIDTH, marks
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, Origin
from shared.ports.catalog.fleet import Moment

ENDS = datetime(2026, 11, 30, 12, tzinfo=UTC)
BEGINS = ENDS - timedelta(days=30)


def moment(days: float, *, complete: bool = True) -> Moment:
    at = ENDS - timedelta(days=days)
    return Moment(snapshot_id="s", created_at=at, begun_at=at, objects=1, complete=complete)


def failure(days: float) -> Job:
    return Job(
        job_id="j",
        tenant_id="t",
        kind=JobKind.BACKUP,
        state=JobState.FAILED,
        origin=Origin.SCHEDULE,
        code=Code.GRAPH_UNREACHABLE,
        created_at=ENDS - timedelta(days=days),
    )


def test_marks_stand_in_the_order_of_time_within_the_chart() -> None:
    chart = marks([moment(29), moment(15, complete=False), moment(0)], [failure(20)], BEGINS, ENDS)
    assert [mark.kind for mark in chart] == ["ok", "bad", "warn", "ok"]
    places = [mark.x for mark in chart]
    assert places == sorted(places)
    assert 0 < places[0] < WIDTH / 20
    assert WIDTH / 2 - 10 < places[2] < WIDTH / 2 + 10
    assert places[-1] < WIDTH
    assert chart[1].title.endswith("a backup failed, GRAPH_UNREACHABLE")


def test_a_complete_snapshot_covers_an_incomplete_one_of_the_same_hours() -> None:
    (mark,) = marks([moment(5, complete=False), moment(4.99), moment(4.98, complete=False)], [], BEGINS, ENDS)
    assert mark.kind == "ok"
    assert "3 snapshots" in mark.title


def test_the_chart_stays_small_however_many_snapshots_there_are() -> None:
    chart = marks([moment(n / 288) for n in range(30 * 288)], [failure(n / 24) for n in range(720)], BEGINS, ENDS)
    assert len(chart) <= 400


def test_what_is_older_than_the_chart_is_left_out() -> None:
    assert marks([moment(31)], [failure(40)], BEGINS, ENDS) == []
