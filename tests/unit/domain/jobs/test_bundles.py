"""Bundles: few of them whatever the table, each stream in one, and as little waiting for each other as that allows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Answer
from shared.domain.jobs import JobKind, Phase, steps_of
from shared.domain.jobs.bundles import bundles, read_afresh, with_bundles
from shared.domain.limits import LIMITS
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.resources import STREAMS, Reading, Stream

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NAMES = st.text("abcdef", min_size=1, max_size=6)


def stream(name: str, reading: Reading = Reading.LISTING, **values: object) -> Stream:
    path = f"/{name}"
    fixed = {"name": name, "reading": reading, "path": path, "collection": path, "resource": name}
    return Stream(**fixed | values)  # type: ignore[arg-type]


STREAMS_OF_A_TABLE = st.lists(
    st.builds(
        stream,
        NAMES,
        st.sampled_from(list(Reading)),
        large=st.booleans(),
        bucket=st.sampled_from(["directory", "reports", "conditional-access"]),
    ),
    unique_by=lambda each: each.name,
    max_size=120,
)


def parent(*read: str, age: timedelta = timedelta(hours=1), **values: object) -> Snapshot:
    return Snapshot(
        snapshot_id="s",
        job_id="j",
        parent=None,
        created_at=NOW - age,
        manifest_sha256="",
        data_key_id="d",
        objects=0,
        links=0,
        complete=True,
        resources=[ResourceReport(resource=name, answer=Answer.WHOLE, records=1, **values) for name in read],  # type: ignore[arg-type]
    )


@given(STREAMS_OF_A_TABLE, st.data())
def test_every_stream_is_in_one_of_at_most_twelve_bundles(table: list[Stream], data: st.DataObject) -> None:
    names = [each.name for each in table]
    afresh = set(data.draw(st.lists(st.sampled_from(names)))) if names else set()
    result = bundles(table, afresh)
    assert len(result) <= LIMITS.bundles
    assert sorted(name for each in result for name in each) == sorted(names)
    assert all(result)


@given(STREAMS_OF_A_TABLE)
def test_streams_of_one_scarce_bucket_share_a_bundle(table: list[Stream]) -> None:
    small = [each for each in table if not each.large]
    result = bundles(small, {each.name for each in small})
    for bucket in ("reports", "conditional-access"):
        of_bucket = {each.name for each in small if each.bucket == bucket}
        assert sum(bool(of_bucket & set(each)) for each in result) == bool(of_bucket)


def test_what_continues_from_cursors_is_one_bundle() -> None:
    table = list(STREAMS.values())
    afresh = read_afresh(table, parent(*(each.resource for each in table)), NOW, cursor_days=6)
    assert bundles(table, afresh) == [[each.name for each in table]]


def test_a_large_stream_that_is_read_afresh_is_alone() -> None:
    table = [stream("users", Reading.DELTA, large=True), stream("groups", Reading.DELTA, large=True), stream("terms")]
    assert bundles(table, {"users", "terms"}) == [["users"], ["groups", "terms"]]
    assert bundles(table, {"users", "groups", "terms"}) == [["users"], ["groups"], ["terms"]]


def test_others_that_are_read_afresh_are_spread_over_five_bundles() -> None:
    table = [stream(f"s{n}", Reading.CHILDREN if n < 5 else Reading.LISTING) for n in range(100)]
    result = bundles(table, {each.name for each in table})
    assert [sum(name in {"s0", "s1", "s2", "s3", "s4"} for name in each) for each in result] == [1] * 5
    assert {len(each) for each in result} == {20}


@pytest.mark.parametrize(
    ("before", "afresh"),
    [
        (parent("users", "terms"), {"terms"}),
        (parent("users", "terms", age=timedelta(days=7)), {"users", "terms"}),
        (parent("terms"), {"users", "terms"}),
        (parent("users", stale=True), {"users", "terms"}),
        (None, {"users", "terms"}),
    ],
)
def test_a_cursor_is_used_that_the_parent_has_and_that_is_young(before: Snapshot | None, afresh: set[str]) -> None:
    table = [stream("users", Reading.DELTA), stream("terms")]
    assert read_afresh(table, before, NOW, cursor_days=6) == afresh


def test_a_planned_backup_is_few_steps() -> None:
    plan = steps_of(JobKind.BACKUP)
    every = parent(*(each.resource for each in STREAMS.values()))
    for before, most in ((None, LIMITS.bundles), (every, 1)):
        planned = with_bundles(JobKind.BACKUP, plan, before, NOW, cursor_days=6)
        assert [(step.phase, step.name) for step in planned] == [(step.phase, step.name) for step in plan]
        for phase, limit in ((Phase.READ, most), (Phase.SECOND_ROUND, 1), (Phase.COMPACT, 1), (Phase.COMMIT, 1)):
            of_phase = [step for step in planned if step.phase == phase]
            assert len({step.name if step.bundle is None else step.bundle for step in of_phase}) <= limit


def test_steps_of_other_kinds_have_no_bundle() -> None:
    plan = steps_of(JobKind.VERIFY)
    assert with_bundles(JobKind.VERIFY, plan, None, NOW, cursor_days=6) == plan
