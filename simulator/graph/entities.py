"""Answers with a single object, which starts with its context (OData JSON format, "Context URL")."""

import json

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Request, odata
from simulator.graph.kinds import Kind


def entity(request: Request, context: str, text: bytes, status: int = 200) -> Answer:
    """Return an answer with one object of a collection. `context` is that of the collection."""
    if not request.metadata:
        return odata(text, request, status)
    return odata(raw_json.before(text, _context(request, context)), request, status)


def created(request: Request, context: str, path: str, text: bytes) -> Answer:
    """Return 201 with a new object of a collection and its Location."""
    answer = entity(request, context, text, 201)
    answer.headers["Location"] = f"{request.origin}/{request.path.split('/')[1]}/{path}"
    return answer


def directory_object(request: Request, kind: Kind, text: bytes) -> Answer:
    """Return an answer with one object and its type, under the context of all directory objects."""
    if not request.metadata:
        return odata(text, request)
    name = raw_json.written("@odata.type", json.dumps(kind.odata_type).encode())
    return odata(raw_json.before(text, _context(request, "directoryObjects") + b"," + name), request)


def _context(request: Request, context: str) -> bytes:
    version = request.path.split("/")[1]
    url = json.dumps(f"{request.origin}/{version}/$metadata#{context}/$entity")
    return raw_json.written("@odata.context", url.encode())
