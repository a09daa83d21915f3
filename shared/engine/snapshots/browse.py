"""Browse: select records of a snapshot for a person to read."""

import json
import re
from collections.abc import Collection, Iterator

from shared.domain.jobs import JobKind
from shared.domain.model import RefusedObject, Tenant
from shared.domain.records import encode_id
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground

_ESCAPE = re.compile(r'(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))+')
"""Escapes of JSON (RFC 8259, section 7). Adjacent escapes match together, because a surrogate pair takes two."""


def browse(
    context: Context,
    tenant: Tenant,
    snapshot: str,
    resources: Collection[str] = (),
    search: str | None = None,
    object_id: str | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield ``(key, value)`` of each record that matches.

    ``search`` matches text in the key or value, regardless of case and of JSON escapes. ``object_id`` matches any of the ids
    in the key. ``resources`` are the resources to read, all if empty. Raises what reading raises.
    """
    wanted_id = encode_id(object_id) if object_id is not None else None
    needle = search.casefold() if search is not None else None
    shown = Shown()
    with run_foreground(context, tenant, JobKind.BROWSE, snapshot, shown, resources) as (_, reader):
        for key, text in reader.records(resources):
            if wanted_id is not None and wanted_id not in key.split(b"/")[1::2]:
                continue
            if needle is not None and needle not in searchable_text(key, text):
                continue
            shown.records += 1
            yield key.decode(), text


def refused(
    context: Context, tenant: Tenant, snapshot: str, resources: Collection[str] = ()
) -> Iterator[tuple[str, RefusedObject]]:
    """Yield the objects that Graph refused, each with the resource that lacks it.

    ``resources`` are the resources to list, all if empty.
    """
    shown = Shown()
    with run_foreground(context, tenant, JobKind.BROWSE, snapshot, shown, resources) as (_, reader):
        for state in reader.streams:
            resource = state.listed[0].resource
            if not resources or resource in resources:
                for each in state.refused:
                    shown.records += 1
                    yield resource, each


def searchable_text(key: bytes, value: bytes) -> str:
    """Return the text to search, case-folded: key and value, and again the value with its escapes replaced."""
    text = value.decode("utf-8", "replace")
    if "\\" in text:
        text += " " + _ESCAPE.sub(lambda match: str(json.loads(f'"{match[0]}"')), text)
    return f"{key.decode()} {text}".casefold()
