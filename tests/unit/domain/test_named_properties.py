"""The properties that the table of resources names."""

from shared.domain.resources import RESOURCES, properties_of


def test_every_property_named_in_the_table_belongs_to_its_resource() -> None:
    for row in RESOURCES.values():
        paths = {*row.volatile, *(reference.path.partition(".")[0] for reference in row.references)}
        assert paths - {"signInActivity"} <= set(properties_of(row.resource)), row.resource
        assert all(name in RESOURCES for reference in row.references for name in reference.resources)
