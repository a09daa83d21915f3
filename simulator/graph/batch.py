"""JSON batching (Graph: "Combine multiple HTTP requests using JSON batching"): up to twenty requests in one."""

import json
from collections.abc import Callable

from simulator.graph.answers import Answer, Refused, Request, document, headers

_MOST = 20


def answer(request: Request, one: Callable[[Request], Answer]) -> Answer:
    """200 with the answers of all items, each made by `one`. Refused (400) if the batch as a whole is wrong."""
    try:
        items = json.loads(request.body)["requests"]
        ids = [str(item["id"]).lower() for item in items]
        calls = [_call(request, item) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(400, "BadRequest", "Invalid batch payload format.") from None
    if len(items) > _MOST:
        raise Refused(400, "BadRequest", f"Number of batch requests exceeds the maximum value of {_MOST}.")
    if len(set(ids)) != len(ids):
        raise Refused(400, "BadRequest", "Request Id has to be unique in a batch.")
    statuses: dict[str, int] = {}
    responses = []
    for item, call in zip(items, calls, strict=True):
        failed = [name for name in item.get("dependsOn", []) if statuses.get(str(name).lower(), 424) >= 400]
        if failed:
            refused = Refused(424, "FailedDependency", f"The request depends on request {failed[0]}, which failed.")
            made = refused.answer(call)
        else:
            made = one(call)
        statuses[str(item["id"]).lower()] = made.status
        response = {"id": item["id"], "status": made.status, "headers": headers(made, call)}
        if made.body:
            response["body"] = _body(made)
        responses.append(response)
    return document({"responses": responses})


def _call(request: Request, item: dict[str, object]) -> Request:
    version = request.path.split("/")[1]
    path, _, query = str(item["url"]).partition("?")
    own = item.get("headers", {})
    given = {str(name).lower(): str(value) for name, value in own.items()} if isinstance(own, dict) else {}
    body = json.dumps(item["body"]).encode() if "body" in item else b""
    return Request(
        method=str(item["method"]).upper(),
        path=f"/{version}/{path.lstrip('/')}",
        query=query,
        headers={"authorization": request.headers.get("authorization", ""), **given},
        body=body,
        origin=request.origin,
    )


def _body(made: Answer) -> object:
    try:
        return json.loads(made.body)
    except ValueError:
        return made.body.decode("utf-8", "replace")
