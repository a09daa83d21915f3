"""Bodies of write requests."""

from simulator.graph import raw_json
from simulator.graph.answers import Request, bad_request


def body_of(request: Request) -> dict[str, object]:
    """Return the JSON object in a request's body. Raises Refused (400) if the body is not one."""
    try:
        body = raw_json.valid(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request("Unable to read JSON request payload. Please ensure that the payload is valid JSON.")
    return body
