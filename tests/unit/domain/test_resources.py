"""The table of protected resources is complete and consistent, also with the coverage notes."""

import csv
from pathlib import Path

import msgspec
import pytest

from shared.domain.errors import Answer
from shared.domain.records import resource_of
from shared.domain.resources import RESOURCES, STREAMS, Children, Reading

COVERAGE = Path(__file__).resolve().parents[4] / "shared" / "coverage.csv"
LICENCE_OF_OWNERS = {"administrativeUnits.extensions": "P1"}
"""Licences that a resource needs because its owners cannot be listed without: the notes give that of its own path."""


def test_every_resource_is_fed_by_exactly_its_stream() -> None:
    fed = [(name, stream.name) for stream in STREAMS.values() for name in stream.resources]
    assert sorted(fed) == sorted((row.resource, row.stream) for row in RESOURCES.values())


def test_a_delta_stream_selects_its_witnesses_and_sends_its_relations_last() -> None:
    for stream in STREAMS.values():
        assert len(set(stream.selected)) == len(stream.selected)
        if stream.reading is Reading.DELTA:
            assert stream.witness
            assert set(stream.witness) <= set(stream.select)
            assert stream.selected == stream.select + tuple(relation.name for relation in stream.relations)


def test_a_links_resource_is_named_by_its_key() -> None:
    for stream in STREAMS.values():
        for relation in stream.relations:
            key = f"{stream.resource}/1/{relation.name}/2"
            assert resource_of(key.encode()).decode() == relation.resource


def test_children_are_named_by_their_owners_key_and_their_owner_is_protected() -> None:
    for stream in STREAMS.values():
        assert (stream.reading is Reading.CHILDREN) == (stream.children is not None)
        if stream.children:
            key = f"{stream.children.owner}/1/{stream.children.named}/2"
            assert resource_of(key.encode()).decode() == stream.resource
            between = f"/{stream.children.through}/{{id}}" if stream.children.through else ""
            owners = f"{stream.collection}/{{id}}{between}"
            shown = f"{owners}?$select={','.join(stream.children.detail)}"
            path = f"{owners}/{stream.children.segment}"
            row = RESOURCES[stream.resource]
            assert row.path.removesuffix("/$value") in (path.removesuffix("/$value"), shown)
            owner = RESOURCES.get(stream.children.owner)
            assert owner is None or STREAMS[owner.stream].collection == stream.collection


def test_no_directory_lacks_a_basic_resource_nor_a_licence_for_a_free_one() -> None:
    for row in RESOURCES.values():
        assert row.may_be(Answer.UNAVAILABLE) == (not row.everywhere)
        assert row.may_be(Answer.UNLICENSED) == (row.licence != "none")
        assert row.may_be(Answer.FORBIDDEN)
    assert RESOURCES["applications.owners"].everywhere
    assert not RESOURCES["authenticationContexts"].everywhere
    elsewhere = msgspec.structs.replace(RESOURCES["users"], everywhere=False)
    assert elsewhere.may_be(Answer.UNAVAILABLE)


def test_only_of_a_resource_for_people_a_refusal_is_no_lack_of_a_permission() -> None:
    for row in RESOURCES.values():
        meaning = Answer.NOT_FOR_APPLICATIONS if row.for_people else Answer.FORBIDDEN
        assert row.meant_by(Answer.FORBIDDEN) is meaning
    assert RESOURCES["termsOfUseAgreements"].for_people
    assert RESOURCES["users"].meant_by(Answer.FORBIDDEN) is Answer.FORBIDDEN


def test_an_answer_that_cannot_be_true_means_a_failure() -> None:
    assert RESOURCES["users"].meant_by(Answer.UNLICENSED) is RESOURCES["users"].meant_by(Answer.UNAVAILABLE)
    assert RESOURCES["users"].meant_by(Answer.UNAVAILABLE) is Answer.FAILED
    assert RESOURCES["roleDefinitions"].meant_by(Answer.UNLICENSED) is Answer.UNLICENSED
    assert RESOURCES["authenticationContexts"].meant_by(Answer.UNAVAILABLE) is Answer.UNAVAILABLE


def test_a_stream_is_read_in_the_version_of_its_resources() -> None:
    for row in RESOURCES.values():
        assert STREAMS[row.stream].api == row.api
    beta = msgspec.structs.replace(STREAMS["users"], api="beta")
    assert beta.selection != STREAMS["users"].selection


def test_a_changed_selection_has_a_different_name() -> None:
    assert len({stream.selection for stream in STREAMS.values()}) == len(STREAMS)


@pytest.mark.skipif(not COVERAGE.is_file(), reason="the coverage notes do not lie beside the checkout")
def test_the_table_agrees_with_the_coverage_notes() -> None:
    with COVERAGE.open(newline="") as file:
        rows = {row["resource"]: row for row in csv.DictReader(file)}
    parts = {name for name in RESOURCES if (below := STREAMS[RESOURCES[name].stream].children) and _is_part(below)}
    for name, resource in RESOURCES.items():
        if name in parts - rows.keys():
            continue
        row, stream = rows[name], STREAMS[resource.stream]
        licence = LICENCE_OF_OWNERS.get(name, row["licence"])
        expected = (row["family"], row["path"], row["permission_read"], row["permission_write"], licence)
        ours = (resource.family, resource.path, resource.permission_read, resource.permission_write, resource.licence)
        assert ours == expected
        assert (row["delta"] or stream.path) == stream.path
        assert (stream.reading is Reading.DELTA) == bool(row["delta"])
        if stream.select and stream.resource == name:
            assert set(row["extra_select"].split()) <= set(stream.select)


def _is_part(children: Children) -> bool:
    """Return True if the children are parts of their owners that the owners' listing does not show."""
    return bool(children.detail) or children.binary
