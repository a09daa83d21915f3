"""Lines of listings and of single objects."""

import pytest
from msgspec import Raw

from shared.adapters.graph.listing import ListingShape
from shared.domain.resources import Reading, Stream


def stream(reading: Reading = Reading.LISTING, **more: str) -> Stream:
    return Stream(name="things", reading=reading, path="/things", collection="/things", resource="things", **more)


def test_a_record_is_named_by_the_property_that_identifies_it() -> None:
    text = Raw(b'{"tenantId": "T-1","id":"other"}')
    assert ListingShape(stream(key="tenantId")).lines(text, []) == [(b"things\0things/T-1", bytes(text))]
    with pytest.raises(ValueError):
        ListingShape(stream(key="tenantId")).lines(Raw(b'{"id":"x"}'), [])


@pytest.mark.parametrize("value", [b"", b',"set":null', b',"set":[]', b',"set":{}', b',"set":""'])
def test_an_object_without_the_needed_property_is_left_out(value: bytes) -> None:
    shape = ListingShape(stream(needs="set"))
    assert shape.lines(Raw(b'{"id":"x"%b}' % value), []) == []
    assert shape.lines(Raw(b'{"id":"x","set":{"a":1}}'), []) == [(b"things\0things/x", b'{"id":"x","set":{"a":1}}')]


def test_an_only_object_is_named_by_its_resource() -> None:
    assert ListingShape(stream(Reading.SINGLETON)).lines(Raw(b'{"a":1}'), []) == [(b"things\0things", b'{"a":1}')]
