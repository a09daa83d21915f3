"""The completeness report by family, and what to do about each answer."""

from datetime import UTC, datetime
from itertools import groupby

import pytest

from console.documents.completeness import CompletenessDocument, completeness, family_words, totals
from shared.domain.errors import COMPLETE, Answer
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.resources import RESOURCES
from shared.domain.resources.choice import FAMILIES


def snapshot(*reports: ResourceReport, parent: str | None = "p") -> Snapshot:
    return Snapshot(
        snapshot_id="s",
        job_id="j",
        parent=parent,
        created_at=datetime(2026, 5, 1, tzinfo=UTC),
        manifest_sha256="f",
        data_key_id="d",
        objects=1,
        links=1,
        complete=False,
        resources=list(reports),
    )


def document(answer: Answer, **values: object) -> CompletenessDocument:
    report = ResourceReport(resource="groups", answer=answer, records=1, **values)  # type: ignore[arg-type]
    (row,) = completeness(snapshot(report))
    return row


def test_resources_stand_in_the_order_of_the_table_with_unknown_ones_last() -> None:
    reports = [ResourceReport(resource=name, answer=Answer.WHOLE, records=1) for name in ("later", "groups", "users")]
    rows = completeness(snapshot(*reports))
    assert [row.resource for row in rows] == ["users", "groups", "later"]
    assert [row.family for row in rows] == [RESOURCES["users"].family, RESOURCES["groups"].family, rows[-1].family]
    assert family_words(rows[-1].family) == "Unknown to this version"
    assert family_words("conditional-access") == "Conditional access"
    assert family_words("roles-pim") == "Roles and PIM"


def test_each_family_is_one_group_although_its_rows_are_apart_in_the_table() -> None:
    reports = [ResourceReport(resource=name, answer=Answer.WHOLE, records=1) for name in reversed(RESOURCES)]
    families = [family for family, _ in groupby(completeness(snapshot(*reports)), key=lambda row: row.family)]
    assert families == list(FAMILIES)


def test_a_resource_that_is_switched_off_lacks_nothing_and_says_how_to_switch_it_on() -> None:
    row = document(Answer.SWITCHED_OFF)
    assert not row.lacking
    assert row.advice == "Switched off: 'entrakeep tenant update NAME --with groups' switches it on."


@pytest.mark.parametrize("answer", sorted(set(Answer) - COMPLETE))
def test_every_answer_that_makes_a_snapshot_incomplete_says_what_to_do(answer: Answer) -> None:
    row = document(answer, refused=3 if answer is Answer.PARTIAL else 0)
    assert row.lacking
    assert row.advice


def test_a_forbidden_resource_names_its_permission() -> None:
    row = document(Answer.FORBIDDEN, request_id="r")
    assert row.permission is not None
    assert row.advice == f"Grant {row.permission} to the application that reads the directory."
    assert row.request_id == "r"


def test_a_stale_resource_of_another_version_lacks_although_its_answer_is_whole() -> None:
    row = document(Answer.WHOLE, stale=True, unknown=True)
    assert row.lacking
    assert row.advice == "This version does not know the resource: update Entrakeep."


def test_changes_are_words_unknown_or_nothing() -> None:
    assert document(Answer.WHOLE, added=1, removed=0, changed=2).changes == "1 added, 2 changed"
    assert document(Answer.WHOLE).changes == "unknown"
    first = snapshot(ResourceReport(resource="groups", answer=Answer.WHOLE, records=1), parent=None)
    assert completeness(first)[0].changes is None


def test_totals_count_answers_and_stale_resources() -> None:
    reports = [
        ResourceReport(resource="users", answer=Answer.WHOLE, records=1),
        ResourceReport(resource="groups", answer=Answer.WHOLE, records=1, stale=True),
        ResourceReport(resource="groups.members", answer=Answer.FORBIDDEN, records=None),
    ]
    assert totals(snapshot(*reports)) == ([(Answer.WHOLE, 2), (Answer.FORBIDDEN, 1)], 1, 3)
