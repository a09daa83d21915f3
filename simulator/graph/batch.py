"""JSON batching (Graph: "Combine multiple HTTP requests using JSON batching"): up to twenty requests in one.

Bodies are cut out of what was sent and set into what is answered as they stand: a parse in between would change numbers,
escapes and duplicate names. The answers of some batches, always the same ones, come in another order than their requests.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from simulator.graph import letter
from simulator.graph.answers import Answer, Refused, Request, headers

_MOST = 20
_TURNED = 3
"""One batch in so many is answered from its last request to its first."""


class _Item(NamedTuple):
    """One request of a batch; `after` is the key of the one that it depends on. Ids are compared without case."""

    id: str
    call: Request
    after: str | None

    @property
    def key(self) -> str:
        return self.id.lower()


def answer(request: Request, one: Callable[[Request], Answer]) -> Answer:
    """200 with the answers of all items, each made by `one`. Refused (400) if the batch as a whole is wrong."""
    items = _items(request)
    made: dict[str, Answer] = {}
    for item in sorted(items, key=lambda item: item.after is not None):
        if item.after is not None and made[item.after].status >= 400:
            message = f"The request depends on request {item.after}, which failed."
            made[item.key] = Refused(424, "FailedDependency", message).answer(item.call)
        else:
            made[item.key] = one(item.call)
    parts = [_response(item, made[item.key]) for item in items]
    if zlib.crc32("\n".join(made).encode()) % _TURNED == 0:
        parts.reverse()
    return Answer(200, b'{"responses":[' + b",".join(parts) + b"]}")


# -- what was sent


def _items(request: Request) -> list[_Item]:
    try:
        letter.valid(request.body)
        texts = letter.elements(letter.member(request.body, "requests") or b"")
        items = [_item(request, text) for text in texts]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refused("Invalid batch payload format.") from None
    if len(items) > _MOST:
        raise _refused(f"Number of batch requests exceeds the maximum value of {_MOST}.")
    if len({item.key for item in items}) != len(items):
        raise _refused("Request Id has to be unique in a batch.")
    _check_order(items)
    return items


def _item(request: Request, text: bytes) -> _Item:
    given = json.loads(text)
    version = request.path.split("/")[1]
    path, _, query = given["url"].partition("?")
    own = {str(name).lower(): str(value) for name, value in (given.get("headers") or {}).items()}
    body = letter.member(text, "body") if given.get("body") is not None else None
    if body is not None and "content-type" not in own:
        raise _refused(f"Request {given['id']} has a body and no Content-Type header.")
    first, *more = [str(name).lower() for name in given.get("dependsOn") or [""]]
    if more:
        raise _refused(f"Request {given['id']} depends on more than one request.")
    call = Request(
        method=given["method"].upper(),
        path=f"/{version}/{unquote(path).lstrip('/')}",
        query=query,
        headers={"authorization": request.headers.get("authorization", ""), **own},
        body=b"" if body is None else _sent(body, own["content-type"]),
        origin=request.origin,
    )
    return _Item(str(given["id"]), call, first or None)


def _sent(body: bytes, content_type: str) -> bytes:
    """The body of an item: as it stands if it is JSON, else out of base64."""
    if "json" in content_type:
        return body
    try:
        return base64.b64decode(json.loads(body), validate=True)
    except binascii.Error:
        raise ValueError("a body that is no JSON comes in base64") from None


def _check_order(items: list[_Item]) -> None:
    """Graph takes items that all run side by side, all one after the other, or that all wait for the same one."""
    waiting = [item for item in items if item.after is not None]
    same = len({item.after for item in waiting}) <= 1
    serial = [item.after for item in items] == [None, *(item.key for item in items[:-1])]
    free = {item.key for item in items if item.after is None}
    if not serial and not (same and all(item.after in free for item in waiting)):
        raise _refused("The dependencies of the requests are not supported.")


def _refused(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


# -- what is answered


def _response(item: _Item, made: Answer) -> bytes:
    found = headers(made, item.call)
    if "/identity/" in item.call.path:  # another service behind the gateway, which writes its headers small
        found = {name.lower(): value for name, value in found.items()}
    told = {"id": item.id, "status": made.status, "headers": found}
    text = json.dumps(told).encode()
    return letter.after(text, letter.written("body", _embedded(made))) if made.body else text


def _embedded(made: Answer) -> bytes:
    """The body of an answer: as it stands if it is JSON, else in base64."""
    try:
        if "json" in made.content_type:
            letter.valid(made.body)
            return made.body
    except ValueError:
        pass  # a scripted fault's: it must not spoil the answers beside it
    return b'"%s"' % base64.b64encode(made.body)
