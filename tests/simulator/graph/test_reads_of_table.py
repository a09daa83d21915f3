"""The simulator lets a resource be read with the permission and the licence that the table of resources names."""

import pytest

from shared.domain.resources import RESOURCES, STREAMS, Resource
from simulator.graph.kinds import KINDS
from simulator.graph.kinds.model import LICENCES

ROWS = tuple(row for row in RESOURCES.values() if row.path.strip("/") in KINDS and not row.for_people)


def test_what_belongs_to_objects_needs_a_licence_if_these_do() -> None:
    """Otherwise a directory without the licence would be in trouble with it, instead of lacking it."""
    below = [(row, STREAMS[row.stream].children) for row in RESOURCES.values()]
    owners = [(row, RESOURCES[children.owner]) for row, children in below if children and children.owner in RESOURCES]
    assert [row.resource for row, owner in owners if row.licence == "none" and owner.licence != "none"] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.resource)
def test_a_resource_is_read_with_what_the_table_names(row: Resource) -> None:
    kind = KINDS[row.path.strip("/")]
    assert row.permission_read in kind.read
    if row.licence == "none" or row.licence in LICENCES:
        assert kind.licence == ("" if row.licence == "none" else row.licence)
