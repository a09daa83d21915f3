"""The simulator lets a resource be read with the permission and the licence that the table of resources names."""

import pytest

from shared.domain.resources import RESOURCES, Resource
from simulator.graph.kinds import KINDS
from simulator.graph.kinds.model import LICENCES

ROWS = tuple(row for row in RESOURCES.values() if row.path.strip("/") in KINDS and not row.for_people)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.resource)
def test_a_resource_is_read_with_what_the_table_names(row: Resource) -> None:
    kind = KINDS[row.path.strip("/")]
    assert row.permission_read in kind.read
    if row.licence == "none" or row.licence in LICENCES:
        assert kind.licence == ("" if row.licence == "none" else row.licence)
