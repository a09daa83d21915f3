"""Entries of a delta page become the lines of the stream's resources, records byte for byte."""

import json
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.graph import slicer
from shared.adapters.graph.delta import DeltaShape
from shared.adapters.graph.listing import ListingShape
from shared.adapters.graph.page import GraphPage
from shared.domain.errors import Skip
from shared.domain.records import Line, prefix_tombstone, put, tombstone
from shared.domain.resources import STREAMS, Reading, Relation, Stream
from tests.unit.adapters.graph.letters import SPACE, objects

USERS = Stream(
    name="users",
    reading=Reading.DELTA,
    path="/users/delta",
    collection="/users",
    resource="users",
    select=("id", "name"),
    relations=(Relation(resource="users.manager", name="manager", to_one=True),),
    witness=("name",),
)
GROUPS = Stream(
    name="groups",
    reading=Reading.DELTA,
    path="/groups/delta",
    collection="/groups",
    resource="groups",
    select=("id", "name"),
    relations=(Relation(resource="groups.members", name="members"), Relation(resource="groups.owners", name="owners")),
    witness=("name",),
)
POLICIES = Stream(
    name="policies", reading=Reading.LISTING, path="/policies", collection="/policies", resource="policies"
)
LINK = b'{"@odata.type":"#microsoft.graph.user","id":"9"}'


def read(stream: Stream, *entries: bytes) -> tuple[list[Line], list[str]]:
    body = b'{"value":[' + b",".join(entries) + b'],"@odata.deltaLink":"d"}'
    envelope = slicer.envelope(body) or slicer.envelope_slowly(body)
    shape = DeltaShape(stream) if stream.reading is Reading.DELTA else ListingShape(stream)
    page = GraphPage(envelope, len(body), shape, fresh=False)
    return list(chain.from_iterable(page.entries())), page.incomplete()


def record(*entries: bytes, stream: Stream = GROUPS) -> bytes | None:
    lines, _ = read(stream, *entries)
    return dict(lines).get(b"groups\0groups/1")


@pytest.mark.parametrize(
    ("entry", "rest"),
    [
        (b'{"id":"1","name":"n","members@delta":[]}', b'{"id":"1","name":"n"}'),
        (b'{"members@delta":[],"id":"1","name":"n"}', b'{"id":"1","name":"n"}'),
        (b'{"id":"1","members@delta":[],"name":"n"}', b'{"id":"1","name":"n"}'),
        (b'{ "id":"1" , "members@delta" : [ ] , "name":"n" }', b'{ "id":"1" ,  "name":"n" }'),
        (b'{ "id":"1", "name":"n" , "members@delta":[] }', b'{ "id":"1", "name":"n"  }'),
        (b'{"id":"1","name":"n","owners@delta":[],"members@delta":[]}', b'{"id":"1","name":"n"}'),
        (b'{"members@delta":[],"owners@delta":[],"id":"1","name":"n"}', b'{"id":"1","name":"n"}'),
        (b'{"id":"1","name":"members@delta","members@delta":[]}', b'{"id":"1","name":"members@delta"}'),
        (b'{"id":"1","name":"n","x":{"members@delta":[]}}', b'{"id":"1","name":"n","x":{"members@delta":[]}}'),
        (
            b'{"x":{"members@delta":[]},"id":"1","name":"n","members\\u0040delta":[]}',
            b'{"x":{"members@delta":[]},"id":"1","name":"n"}',
        ),
        (b'{"members@delta":[],"id":"1","members@delta":[],"name":"n"}', b'{"id":"1","name":"n"}'),
        (b'{"id":"1","name":"\\"members@delta\\"","members@delta":[]}', b'{"id":"1","name":"\\"members@delta\\""}'),
        (b'{"id":"1","name":"n\\ud800","members@delta":[]}', b'{"id":"1","name":"n\\ud800"}'),
    ],
)
def test_relations_are_cut_out_with_one_comma(entry: bytes, rest: bytes) -> None:
    assert record(entry) == rest


@given(
    text=objects(surrogates=True),
    place=st.integers(min_value=0, max_value=2),
    name=st.sampled_from([b'"members@delta"', b'"m\\u0065mbers@delta"']),
    space=SPACE,
)
def test_a_record_equals_its_entry_without_the_relation(text: bytes, place: int, name: bytes, space: bytes) -> None:
    member = name + space + b":" + space + b"[" + LINK + b"]"
    value = text[:-1] + b',"name":1E+2}'
    if place == 0:
        entry = b"{" + member + b"," + value[1:]
    elif place == 1:
        entry = value[:-1] + b"," + member + b"}"
    else:
        entry = text[:-1] + b"," + member + b',"name":1E+2}'
    lines, incomplete = read(GROUPS, entry)
    key = b"groups/" + json.loads(text)["id"].encode()
    assert lines == [put(b"groups", key, value), put(b"groups.members", key + b"/members/9", LINK)]
    assert incomplete == []


def test_a_removed_object_takes_its_relations_with_it() -> None:
    lines, _ = read(GROUPS, b'{"id":"1","@removed":{"reason":"changed"}}')
    assert lines == [
        tombstone(b"groups", b"groups/1"),
        prefix_tombstone(b"groups.members", b"groups/1/members/"),
        prefix_tombstone(b"groups.owners", b"groups/1/owners/"),
    ]


def test_links_are_added_and_removed() -> None:
    entry = (
        b'{"id":"1","members@delta":[{"id":"9","@odata.type":"#microsoft.graph.user"},'
        b'{"id":"8","@removed":{"reason":"deleted"}},{"id":"7"}]}'
    )
    assert read(GROUPS, entry) == (
        [
            put(b"groups.members", b"groups/1/members/9", LINK),
            tombstone(b"groups.members", b"groups/1/members/8"),
            put(b"groups.members", b"groups/1/members/7", b'{"id":"7"}'),
        ],
        [],
    )


GUID = "0B6C6F8E-7A43-4A5D-9A8C-6F0A2F6D3C11"


def test_upper_case_guids_are_the_same_objects_and_links() -> None:
    name, same = GUID.encode(), GUID.lower().encode()
    value, link = b'{"id":"%b","name":"n"}' % name, b'{"@odata.type":"#microsoft.graph.user","id":"%b"}' % name
    lines, _ = read(GROUPS, value[:-1] + b',"members@delta":[%b]}' % link)
    assert lines == [
        put(b"groups", b"groups/" + same, value),
        put(b"groups.members", b"groups/%b/members/%b" % (same, same), link),
    ]
    removed = link[:-1] + b',"@removed":{"reason":"deleted"}}'
    assert read(GROUPS, b'{"id":"%b","members@delta":[%b]}' % (name, removed))[0] == [
        tombstone(b"groups.members", b"groups/%b/members/%b" % (same, same))
    ]
    assert read(GROUPS, b'{"id":"%b","@removed":{"reason":"changed"}}' % name)[0][0] == tombstone(
        b"groups", b"groups/" + same
    )
    assert read(POLICIES, value)[0] == [put(b"policies", b"policies/" + same, value)]


def test_both_slicers_read_the_same_link_from_a_page() -> None:
    entry = b'{"id":"1","members@delta":[{"x":"\\udc00","id":"9","@odata.type":"#microsoft.graph.user"}]}'
    assert read(GROUPS, entry)[0] == [put(b"groups.members", b"groups/1/members/9", LINK)]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (b"[" + LINK + b"]", [put(b"users.manager", b"users/1/manager/9", LINK)]),
        (b"[]", []),
        (b'[{"id":"8","@removed":{"reason":"deleted"}}]', [tombstone(b"users.manager", b"users/1/manager/8")]),
    ],
)
def test_a_link_to_one_object_replaces_the_previous_link(links: bytes, expected: list[Line]) -> None:
    lines, _ = read(USERS, b'{"id":"1","name":"n","manager@delta":' + links + b"}")
    assert lines == [
        put(b"users", b"users/1", b'{"id":"1","name":"n"}'),
        prefix_tombstone(b"users.manager", b"users/1/manager/"),
        *expected,
    ]


@pytest.mark.parametrize(
    ("entry", "asked_for"),
    [
        (b'{"id":"1"}', []),
        (b'{"@odata.type":"#microsoft.graph.group","id":"1","members@delta":[]}', []),
        (b'{"id":"1","other":2}', ["1"]),
        (b'{"id":"1","name":null}', ["1"]),
        (b'{"id":"1","name": null ,"other":2}', ["1"]),
        (b'{"id":"1","other":"\\ud800"}', ["1"]),
    ],
)
def test_an_entry_without_its_witness_properties_is_no_record(entry: bytes, asked_for: list[str]) -> None:
    assert read(GROUPS, entry, entry) == ([], asked_for)


def test_a_full_read_starts_by_emptying_each_resource() -> None:
    page = GraphPage(slicer.Envelope(value=[], delta="d"), 0, DeltaShape(GROUPS), fresh=True)
    assert list(page.entries()) == [[prefix_tombstone(name.encode(), b"") for name in GROUPS.resources]]
    page = GraphPage(slicer.Envelope(value=[]), 0, ListingShape(STREAMS["organization"]), fresh=True)
    assert list(page.entries()) == [[prefix_tombstone(b"organization", b"")]]


def test_records_of_a_listing_equal_its_objects() -> None:
    text = b'{ "x" : {"id":"0"}, "id":"1", "id" : "a/2" }'
    assert read(STREAMS["organization"], text)[0] == [put(b"organization", b"organization/a%2F2", text)]


def test_cursors_are_stored_apart_and_secret() -> None:
    shape = DeltaShape(GROUPS)
    for envelope, more in ((slicer.Envelope([], "n", "d"), True), (slicer.Envelope([], None, "d"), False)):
        cursor = GraphPage(envelope, 0, shape, fresh=False).cursor
        assert cursor is not None
        assert cursor.more is more
        assert cursor.link.reveal() == (b"n" if more else b"d")
        assert "n" not in repr(cursor.link).replace("Secret(...)", "")
    assert GraphPage(slicer.Envelope([]), 0, shape, fresh=False).cursor is None


@pytest.mark.parametrize(
    "entry", [b'{"name":"n"}', b"7", b'{"id":"1","members@delta":[{}]}', b'{"id":"1","members@delta":[{"id":1}]}']
)
def test_an_entry_without_an_id_fails_the_stream(entry: bytes) -> None:
    with pytest.raises(Skip, match="without an id"):
        read(GROUPS, entry)
