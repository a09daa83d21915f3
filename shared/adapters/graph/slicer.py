"""Slicing of an answer of Graph into the bytes of its objects, which stay as Graph sent them.

The envelope is parsed. Objects are ``msgspec.Raw``, and only the few members are read that decide how an object is stored.
JSON that RFC 8259 allows and msgspec refuses goes to the slow slicer, with the same result.
"""

import asyncio
from typing import TypeVar

import msgspec
from msgspec import Raw

from shared.adapters.graph import slow_slicer

_REFUSED = (ValueError, RecursionError)  # msgspec.DecodeError and UnicodeDecodeError are ValueErrors
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")

_S = TypeVar("_S", bound=msgspec.Struct)


class Envelope(msgspec.Struct):
    """A page of a collection: its objects and the link to continue from."""

    value: list[Raw]
    """The objects, as Graph sent them."""
    next: str | None = msgspec.field(name="@odata.nextLink", default=None)
    """The link to the next page."""
    delta: str | None = msgspec.field(name="@odata.deltaLink", default=None)
    """The link to later changes, on the last page of a delta stream."""


class Identified(msgspec.Struct):
    """An object of which only the id is read."""

    id: str
    """The id; the last one if the object has several."""


_ENVELOPE: msgspec.json.Decoder[Envelope] = msgspec.json.Decoder(Envelope)


def on_one_line(body: bytes) -> bytes:
    """Return the JSON text with spaces for line breaks, which occur only between tokens (RFC 8259, section 7)."""
    if b"\n" in body or b"\r" in body:
        return body.translate(_LINE_BREAKS)
    return body


def envelope(body: bytes) -> Envelope | None:
    """Return the text's page, or None if msgspec refuses the text and the slow slicer must read it."""
    try:
        return _ENVELOPE.decode(body)
    except _REFUSED:
        return None


def envelope_slowly(body: bytes) -> Envelope:
    """Return the text's page with the slow slicer. Takes seconds for a large page.

    Raises ValueError if it is not a page.
    """
    return slow_slicer.read(body, Envelope)


def read(text: bytes | Raw, decoder: msgspec.json.Decoder[_S]) -> _S:
    """Return the members of an object that the decoder's type names. Raises ValueError if a required one is missing."""
    try:
        return decoder.decode(text)
    except _REFUSED:
        return slow_slicer.read(bytes(text), decoder.type)


async def collection(body: bytes) -> Envelope:
    """Return the page in an answer's body; run the slow slicer in a thread.

    Raises ValueError if the body is not a page.
    """
    text = on_one_line(body)
    page = envelope(text)
    return await asyncio.to_thread(envelope_slowly, text) if page is None else page
