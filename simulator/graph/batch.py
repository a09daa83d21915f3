"""JSON batching (Graph: "Combine multiple HTTP requests using JSON batching"): up to twenty requests in one.

Bodies are copied byte by byte between batch and items, because parsing would change numbers, escapes and duplicate names.
Some batches, always the same ones, are answered in another order than that of their requests.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, Request, headers

_MAX_ITEMS = 20
_REVERSED_ONE_IN = 3
"""One batch in this many is answered in reverse order."""


class _Item(NamedTuple):
    """One request of a batch. `after` is the key of the request that it depends on, or None."""

    id: str
    call: Request
    after: str | None

    @property
    def key(self) -> str:
        """Return the id in lower case: ids are compared without case."""
        return self.id.lower()


def answer(request: Request, one: Callable[[Request], Answer]) -> Answer:
    """Answer a batch: return 200 with the answers of all items. Raises Refused (400) if the batch as a whole is invalid.

    `one` answers a single request.
    """
    items = _items(request)
    answers: dict[str, Answer] = {}
    for item in sorted(items, key=lambda item: item.after is not None):
        if item.after is not None and answers[item.after].status >= 400:
            message = f"The request depends on request {item.after}, which failed."
            answers[item.key] = Refused(424, "FailedDependency", message).answer(item.call)
        else:
            answers[item.key] = one(item.call)
    parts = [_response(item, answers[item.key]) for item in items]
    if zlib.crc32("\n".join(answers).encode()) % _REVERSED_ONE_IN == 0:
        parts.reverse()
    return Answer(200, b'{"responses":[' + b",".join(parts) + b"]}")


# -- requests


def _items(request: Request) -> list[_Item]:
    try:
        raw_json.valid(request.body)
        texts = raw_json.elements(raw_json.member(request.body, "requests") or b"")
        items = [_item(request, text) for text in texts]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refused("Invalid batch payload format.") from None
    if len(items) > _MAX_ITEMS:
        raise _refused(f"Number of batch requests exceeds the maximum value of {_MAX_ITEMS}.")
    if len({item.key for item in items}) != len(items):
        raise _refused("Request Id has to be unique in a batch.")
    _check_order(items)
    return items


def _item(request: Request, text: bytes) -> _Item:
    fields = json.loads(text)
    version = request.path.split("/")[1]
    path, _, query = fields["url"].partition("?")
    item_headers = {str(name).lower(): str(value) for name, value in (fields.get("headers") or {}).items()}
    body = raw_json.member(text, "body") if fields.get("body") is not None else None
    if body is not None and "content-type" not in item_headers:
        raise _refused(f"Request {fields['id']} has a body and no Content-Type header.")
    first, *more = [str(name).lower() for name in fields.get("dependsOn") or [""]]
    if more:
        raise _refused(f"Request {fields['id']} depends on more than one request.")
    call = Request(
        method=fields["method"].upper(),
        path=f"/{version}/{unquote(path).lstrip('/')}",
        query=query,
        headers={"authorization": request.headers.get("authorization", ""), **item_headers},
        body=b"" if body is None else _decoded_body(body, item_headers["content-type"]),
        origin=request.origin,
    )
    return _Item(str(fields["id"]), call, first or None)


def _decoded_body(body: bytes, content_type: str) -> bytes:
    """Return the body of an item: unchanged if it is JSON, otherwise decoded from base64."""
    if "json" in content_type:
        return body
    try:
        return base64.b64decode(json.loads(body), validate=True)
    except binascii.Error:
        raise ValueError("a body that is no JSON comes in base64") from None


def _check_order(items: list[_Item]) -> None:
    """Check the dependencies. Raises Refused (400) if they are not supported.

    Graph allows items that are all independent, that form one sequence, or that all depend on the same item.
    """
    waiting = [item for item in items if item.after is not None]
    same = len({item.after for item in waiting}) <= 1
    serial = [item.after for item in items] == [None, *(item.key for item in items[:-1])]
    independent = {item.key for item in items if item.after is None}
    if not serial and not (same and all(item.after in independent for item in waiting)):
        raise _refused("The dependencies of the requests are not supported.")


def _refused(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


# -- answers


def _response(item: _Item, answer: Answer) -> bytes:
    answer_headers = headers(answer, item.call)
    if "/identity/" in item.call.path:  # this service behind the gateway writes its header names in lower case
        answer_headers = {name.lower(): value for name, value in answer_headers.items()}
    fields = {"id": item.id, "status": answer.status, "headers": answer_headers}
    text = json.dumps(fields).encode()
    return raw_json.after(text, raw_json.written("body", _embedded(answer))) if answer.body else text


def _embedded(answer: Answer) -> bytes:
    """Return the body of an answer: unchanged if it is JSON, otherwise in base64."""
    try:
        if "json" in answer.content_type:
            raw_json.valid(answer.body)
            return answer.body
    except ValueError:
        pass  # invalid JSON of a scripted fault, which must not break the batch's other answers
    return b'"%s"' % base64.b64encode(answer.body)
