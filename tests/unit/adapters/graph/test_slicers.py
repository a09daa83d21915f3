"""Both slicers return an answer's objects byte for byte, and agree on what they refuse."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.adapters.graph import slicer, slow_slicer
from tests.unit.adapters.graph.letters import SPACE, objects

Slice = Callable[[bytes], slicer.Envelope | None]
SLICERS: list[Slice] = [slicer.envelope, slicer.envelope_slowly]
BOTH = pytest.mark.parametrize("cut_up", SLICERS, ids=["fast", "slow"])
IDENTIFIED = msgspec.json.Decoder(slicer.Identified)
NEXT = "https://graph.test/v1.0/users/delta?$skiptoken=a%2Bb"


def page(texts: list[bytes], space: bytes = b"", before: bytes = b"") -> bytes:
    inner = b",".join(space + text + space for text in texts)
    return b'{"@odata.context":"x",%b"value":%b[%b]%b,"@odata.nextLink":"%b"}' % (
        before,
        space,
        inner,
        space,
        NEXT.encode(),
    )


def parts_of(envelope: slicer.Envelope | None) -> tuple[list[bytes], str | None, str | None] | None:
    if envelope is None:
        return None
    return [bytes(text) for text in envelope.value], envelope.next, envelope.delta


@BOTH
@given(texts=st.lists(objects(), max_size=4), space=SPACE)
def test_objects_keep_every_byte(cut_up: Slice, texts: list[bytes], space: bytes) -> None:
    assert parts_of(cut_up(page(texts, space))) == (texts, NEXT, None)


@given(texts=st.lists(objects(surrogates=True), max_size=4), space=SPACE)
def test_objects_with_surrogates_keep_every_byte_in_the_slow_slicer(texts: list[bytes], space: bytes) -> None:
    body = page(texts, space)
    assert parts_of(slicer.envelope_slowly(body)) == (texts, NEXT, None)
    assert parts_of(slicer.envelope(body)) in (None, (texts, NEXT, None))


@given(text=objects())
def test_both_slicers_take_the_last_top_level_id(text: bytes) -> None:
    last = json.loads(text)["id"]
    assert IDENTIFIED.decode(text).id == slow_slicer.read(text, slicer.Identified).id == last


@given(
    text=objects(surrogates=True),
    place=st.integers(min_value=0, max_value=400),
    put_in=st.sampled_from([b"", b",", b'"', b"}", b"]", b"\\", b"0", b"\x01", b"\n", b".", b"-", b"e", b"\xff"]),
    lost=st.integers(min_value=0, max_value=3),
)
@example(text=b'{"id":"1","a":01}', place=400, put_in=b"", lost=0)
@example(text=b'{"id":"1",}', place=400, put_in=b"", lost=0)
def test_both_or_neither_slicer_refuses_damaged_text(text: bytes, place: int, put_in: bytes, lost: int) -> None:
    intact = page([text])
    place = min(place, len(intact))
    body = intact[:place] + put_in + intact[place + lost :]
    fast = parts_of(slicer.envelope(body))
    try:
        slow = parts_of(slicer.envelope_slowly(body))
    except ValueError:
        slow = None
    assert fast == slow or (fast is None and b"\\u" in body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"value":{}}',
        b'{"value":null}',
        b'{"value":[]',
        b'{"value":[]}x',
        b'{"value":[1 2]}',
        b'{"value":[],}',
        b'{"value":[],"@odata.nextLink":1}',
        b'{"value" []}',
        b'{"value":[tru]}',
        b'{"value":["\n"]}',
    ],
)
def test_both_slicers_refuse_text_that_is_no_page(body: bytes) -> None:
    assert slicer.envelope(body) is None
    with pytest.raises(ValueError, match="JSON"):
        slicer.envelope_slowly(body)


@BOTH
def test_a_missing_next_link_equals_a_null_one(cut_up: Slice) -> None:
    assert parts_of(cut_up(b'{"value":[],"@odata.nextLink":null,"@odata.deltaLink":"d"}')) == ([], None, "d")


@BOTH
def test_the_last_of_several_equal_members_counts(cut_up: Slice) -> None:
    assert parts_of(cut_up(b'{"value":[1],"@odata.nextLink":"a","v\\u0061lue":[2],"@odata.nextLink":"b"}')) == (
        [b"2"],
        "b",
        None,
    )


def test_deep_nesting_is_left_to_the_slow_slicer() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    assert slicer.envelope(page([deep])) is None
    assert parts_of(slicer.envelope_slowly(page([deep]))) == ([deep], NEXT, None)


def test_an_id_with_an_unpaired_surrogate_is_read() -> None:
    assert slicer.read(b'{"id":"a\\ud800"}', IDENTIFIED).id == "a\ud800"


@pytest.mark.parametrize("text", [b"{}", b'{"id":1}', b'{"id":null}', b'{"x":{"id":"1"}}', b'{"id":"\xff"}', b'["id"]'])
def test_an_object_without_an_id_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        slicer.read(text, IDENTIFIED)


def test_line_breaks_become_spaces_and_escaped_ones_stay() -> None:
    assert slicer.on_one_line(b'{\r\n"a":\n"\\r\\n"}') == b'{  "a": "\\r\\n"}'
