"""docs/comparing.md: its table of volatile properties equals that of the product."""

import re

from shared.domain.resources import RESOURCES, properties_of
from tests.pages import TOP


def test_the_page_names_every_volatile_property() -> None:
    page = (TOP / "docs" / "comparing.md").read_text()
    table = page.partition("| resource | volatile properties |")[2].partition("\n\n")[0]
    rows = {
        name: tuple(re.findall(r"`(\w+)`", cell)) for name, cell in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)
    }
    assert rows == {row.resource: row.volatile for row in RESOURCES.values() if row.volatile}


def test_every_property_named_in_the_table_belongs_to_its_resource() -> None:
    for row in RESOURCES.values():
        paths = {*row.volatile, *(reference.path.partition(".")[0] for reference in row.references)}
        assert paths - {"signInActivity"} <= set(properties_of(row.resource)), row.resource
        assert all(name in RESOURCES for reference in row.references for name in reference.resources)
