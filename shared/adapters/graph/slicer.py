"""Slices an answer of Graph into the bytes of its objects, which stay as Graph sent them.

The envelope is parsed, objects are ``msgspec.Raw``: of each only the few members are read that decide where it goes. What
msgspec refuses and RFC 8259 allows is left to the slow slicer, with the same result.
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
    """A page of a collection: its objects and the links that go on from it."""

    value: list[Raw]
    next: str | None = msgspec.field(name="@odata.nextLink", default=None)
    delta: str | None = msgspec.field(name="@odata.deltaLink", default=None)


class Identified(msgspec.Struct):
    """An object of which only the id is of interest; of several the last."""

    id: str


_ENVELOPE: msgspec.json.Decoder[Envelope] = msgspec.json.Decoder(Envelope)


def on_one_line(body: bytes) -> bytes:
    """The JSON text with line breaks turned into spaces; they stand only between tokens (RFC 8259, section 7)."""
    if b"\n" in body or b"\r" in body:
        return body.translate(_LINE_BREAKS)
    return body


def envelope(body: bytes) -> Envelope | None:
    """The page that the text is, or None if only the slow slicer can tell."""
    try:
        return _ENVELOPE.decode(body)
    except _REFUSED:
        return None


def envelope_slowly(body: bytes) -> Envelope:
    """The page that the text is. Raises ValueError if it is none. Takes seconds for a large page."""
    return slow_slicer.read(body, Envelope)


def read(text: bytes | Raw, decoder: msgspec.json.Decoder[_S]) -> _S:
    """The members of an object that the decoder's type names. Raises ValueError if they are not there."""
    try:
        return decoder.decode(text)
    except _REFUSED:
        return slow_slicer.read(bytes(text), decoder.type)


async def collection(body: bytes) -> Envelope:
    """The page that an answer's body is; what takes long is done in a thread. Raises ValueError if it is none."""
    text = on_one_line(body)
    page = envelope(text)
    return await asyncio.to_thread(envelope_slowly, text) if page is None else page
