"""The endpoints as FastAPI serves them, and their OpenAPI document, made from the table and the types of the documents."""

import functools
import inspect
from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from console.web.api.dispatch import ApiDispatch
from console.web.api.endpoints import ENDPOINTS
from console.web.api.table import PREFIX, Endpoint, Nothing

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The code of the error, as the command line prints it."},
        "detail": {"type": "string", "description": "What is wrong and what to do."},
    },
    "required": ["type", "title", "status", "code", "detail"],
}
_REFERENCES = "#/components/schemas/{name}"
_ABOUT = "The documents of the command line's --json over HTTP. Send a token: 'Authorization: Bearer ek1_…'."


def router(dispatch: ApiDispatch | None = None) -> APIRouter:
    """Return the routes of all endpoints; without ``dispatch``, to be described and not served."""
    made = APIRouter(prefix=PREFIX)
    for endpoint in ENDPOINTS:
        made.add_api_route(
            endpoint.path,
            _unserved if dispatch is None else dispatch.endpoint(endpoint),
            methods=[endpoint.method],
            operation_id=operation_of(endpoint),
            summary=summary_of(endpoint),
            response_class=Response,
            status_code=endpoint.status,
            responses=_responses(endpoint),
            openapi_extra=_extra(endpoint),
        )
    return made


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    from importlib.metadata import version

    made = get_openapi(title="Entrakeep", version=version("entrakeep"), description=_ABOUT, routes=router().routes)
    made["components"] = {
        "schemas": {**_components(), "Problem": _PROBLEM},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "ek1_"}},
    }
    made["security"] = [{"token": []}]
    return made


def operation_of(endpoint: Endpoint) -> str:
    """Return the id of the operation: the handler's module and name, and the installation's in place of a tenant's."""
    module = endpoint.handler.__module__.rpartition(".")[2]
    prefix = "" if "{name}" in endpoint.path else "installation_"
    return f"{prefix}{module}_{endpoint.handler.__name__}"


def summary_of(endpoint: Endpoint) -> str:
    """Return the first line of the handler's docstring."""
    return (inspect.getdoc(endpoint.handler) or "").partition("\n")[0].replace("``", "`")


async def _unserved() -> None:
    raise NotImplementedError


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an endpoint: its document, or a problem."""
    content: dict[str, Any] = (
        {"application/jsonl": {"schema": {"type": "string"}}}
        if endpoint.returns is None
        else {"application/json": {"schema": _schema(endpoint.returns)}}
    )
    problem = {"application/problem+json": {"schema": {"$ref": _REFERENCES.format(name="Problem")}}}
    return {
        endpoint.status: {"description": "The document.", "content": content},
        "default": {"description": "A refusal or a failure.", "content": problem},
    }


def _extra(endpoint: Endpoint) -> dict[str, Any]:
    """Return what FastAPI cannot know: parameters, the body, the action, and the command that prints the same."""
    names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
    path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    extra: dict[str, Any] = {"parameters": path + _query(endpoint), "x-action": endpoint.action.value}
    if endpoint.body is not Nothing:
        required = bool(msgspec.json.schema(endpoint.body)["$defs"][endpoint.body.__name__].get("required"))
        content = {"application/json": {"schema": _schema(endpoint.body)}}
        extra["requestBody"] = {"required": required, "content": content}
    if endpoint.command is not None:
        extra["x-command"] = f"entrakeep {endpoint.command} --json"
    return extra


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return the parameters of the query."""
    if endpoint.query is Nothing:
        return []
    (fields,), components = msgspec.json.schema_components([endpoint.query], ref_template=_REFERENCES)
    properties = components[fields["$ref"].rpartition("/")[2]]["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(each)}
        for name, each in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field of a query, which is left out instead of being null."""
    given = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return dict(given[0]) if given else {name: value for name, value in schema.items() if name != "default" or value}


def _schema(type: Any) -> dict[str, Any]:
    """Return the schema of a document, which refers to the components."""
    (schema,), _ = msgspec.json.schema_components([type], ref_template=_REFERENCES)
    return dict(schema)


def _components() -> dict[str, Any]:
    """Return the schemas of all types that the endpoints mention."""
    types: list[Any] = [each.returns for each in ENDPOINTS if each.returns is not None]
    types += [part for each in ENDPOINTS for part in (each.query, each.body) if part is not Nothing]
    _, components = msgspec.json.schema_components(types, ref_template=_REFERENCES)
    return dict(components)
