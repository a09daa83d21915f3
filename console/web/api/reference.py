"""The reference page of the API, and its OpenAPI document. Both are made from the table of endpoints."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from console.web.api.endpoints import ENDPOINTS
from console.web.api.openapi import document, operation_of, summary_of
from console.web.api.table import PREFIX, Endpoint, Nothing
from console.web.page import Page

if TYPE_CHECKING:
    from console.web.page import Ask

_TITLES = {
    "tenants": "Fleet, tenants, snapshots, connection",
    "jobs": "Jobs",
    "settings": "Schedule and key",
    "targets": "Notice targets",
    "trails": "Audit trail",
}


class Field(NamedTuple):
    """A parameter of a query, or a field of a body."""

    name: str
    kind: str
    about: str


class Shown(NamedTuple):
    """An endpoint as the page shows it."""

    id: str
    method: str
    path: str
    """Below the prefix."""
    summary: str
    action: str
    command: str | None
    fields: list[Field]
    fields_are: str
    """``Query`` or ``Body``."""


def show(ask: "Ask") -> Page:
    """Show the reference."""
    sections = [
        (_TITLES[module], [_shown(endpoint) for endpoint in endpoints])
        for module, endpoints in groupby(ENDPOINTS, key=lambda each: each.handler.__module__.rpartition(".")[2])
    ]
    example = f'curl -H "Authorization: Bearer $TOKEN" {ask.front.settings.web_url.rstrip("/")}{PREFIX}/tenants'
    make = "entrakeep token make reader --action tenant.see"
    return Page(template="api.html", values={"sections": sections, "example": example, "make": make, "prefix": PREFIX})


def openapi(_: "Ask") -> Response:
    """Return the OpenAPI document."""
    return Response(json.dumps(document()), media_type="application/json")


def _shown(endpoint: Endpoint) -> Shown:
    """Return an endpoint as the page shows it."""
    takes, name = (endpoint.query, "Query") if endpoint.body is Nothing else (endpoint.body, "Body")
    summary = summary_of(endpoint).replace("`", "").removeprefix("Return ")
    return Shown(
        id=operation_of(endpoint),
        method=endpoint.method,
        path=endpoint.path,
        summary=summary[:1].upper() + summary[1:],
        action=endpoint.action.value,
        command=None if endpoint.command is None else f"entrakeep {endpoint.command} --json",
        fields=[] if takes is Nothing else list(_fields(document()["components"]["schemas"][takes.__name__])),
        fields_are=name,
    )


def _fields(schema: dict[str, Any]) -> Iterator[Field]:
    """Yield the fields of a query or a body."""
    for name, each in schema["properties"].items():
        part = next((one for one in each.get("anyOf", ()) if one != {"type": "null"}), each)
        values = _values(part.get("items", part))
        kind = part.get("format") or part.get("type", "text")
        about = part.get("description", "")
        yield Field(name, "several times" if kind == "array" else kind, about or ", ".join(values))


def _values(schema: dict[str, Any]) -> list[str]:
    """Return the values of a closed list, or nothing."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return [str(each) for each in document()["components"]["schemas"].get(name, {}).get("enum", ())]
