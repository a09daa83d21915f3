"""A snapshot's completeness report by family, with what each resource needs, and what to do where one lacks."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import msgspec

from console.documents.changes import ChangesDocument, changes_of
from shared.domain.errors import COMPLETE, Answer
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.resources import RESOURCES
from shared.domain.resources.advice import reading_advice
from shared.domain.resources.choice import FAMILIES

_T = TypeVar("_T")
_UNKNOWN_FAMILY = "Unknown to this version"
_FAMILIES = {"roles-pim": "Roles and PIM"}


def family_words(family: str) -> str:
    """Return the name of a family of resources in words."""
    return _FAMILIES.get(family, family.replace("-", " ").capitalize())


class CompletenessDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot has of one resource, and what to do if it lacks something."""

    resource: str
    """The resource's name."""
    family: str
    """The family that the resource belongs to."""
    answer: Answer
    """Graph's answer."""
    records: int | None
    """Number of records, null if nothing was ever read."""
    stale: bool
    """Whether the records are those of the parent snapshot."""
    refused: int
    """Number of objects that Graph refused, of a ``partial`` resource."""
    lacking: bool
    """Whether the snapshot lacks part of the resource."""
    changes: str | None
    """What changed since the parent snapshot, in words; null in a first snapshot."""
    permission: str | None
    """The permission that reading needs."""
    advice: str | None
    """What to do, and who must do it; null if nothing is wrong."""
    request_id: str | None
    """Graph's request id of an answer that was not ``whole``."""


class Totals(NamedTuple):
    """How many resources got which answer."""

    answers: list[tuple[Answer, int]]
    stale: int
    resources: int


def completeness(snapshot: Snapshot) -> list[CompletenessDocument]:
    """Return a document for each resource, by family, in the order of the table of resources."""
    return [_document(report, snapshot) for report in by_family(snapshot.resources, lambda report: report.resource)]


def by_family(items: Iterable[_T], resource_of: Callable[[_T], str]) -> list[_T]:
    """Return the items by the family of their resource, then in the order of the table; unknown resources come last."""
    places = {name: (FAMILIES.index(row.family), number) for number, (name, row) in enumerate(RESOURCES.items())}
    return sorted(items, key=lambda item: places.get(resource_of(item), (len(FAMILIES), 0)))


def totals(snapshot: Snapshot) -> Totals:
    """Return the numbers of answers, in the order of the list of answers."""
    counted = [(answer, sum(each.answer is answer for each in snapshot.resources)) for answer in Answer]
    return Totals(
        answers=[(answer, number) for answer, number in counted if number],
        stale=sum(each.stale for each in snapshot.resources),
        resources=len(snapshot.resources),
    )


def _document(report: ResourceReport, snapshot: Snapshot) -> CompletenessDocument:
    """Return the document of a resource's line."""
    row = RESOURCES.get(report.resource)
    known = report.added is not None and report.removed is not None and report.changed is not None
    changes = ChangesDocument(added=report.added or 0, removed=report.removed or 0, changed=report.changed or 0)
    return CompletenessDocument(
        resource=report.resource,
        family=row.family if row else _UNKNOWN_FAMILY,
        answer=report.answer,
        records=report.records,
        stale=report.stale,
        refused=report.refused,
        lacking=report.lacking,
        changes=changes_of(changes if known else None, snapshot),
        permission=row.permission_read if row else None,
        advice=" ".join(_advice(report)) or None,
        request_id=report.request_id,
    )


def _advice(report: ResourceReport) -> Iterator[str]:
    """Yield what to do about a line, as sentences."""
    row = RESOURCES.get(report.resource)
    if row is not None and (advice := reading_advice(report.answer, row)):
        yield advice
    if report.answer is Answer.PARTIAL:
        yield f"{report.counted_refusals.capitalize()}: 'entrakeep browse --refused' names them."
    if report.answer is Answer.FAILED:
        yield "Graph was in trouble with it: the next backup tries again."
    if report.unknown:
        yield "This version does not know the resource: update Entrakeep."
    if report.stale and report.answer not in COMPLETE:
        yield "The records are those of the snapshot before."
