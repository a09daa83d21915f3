"""The objects that a record names in its properties, as the resource table says."""

from collections.abc import Iterator

from shared.domain.json_text import elements, members, string
from shared.domain.records import is_guid
from shared.domain.resources import RESOURCES, Reference


def references(resource: str, value: bytes) -> Iterator[tuple[Reference, str]]:
    """Yield the ids that a record names, each with the reference that names it. Values that are no GUID name nothing."""
    for reference in RESOURCES[resource].references if resource in RESOURCES else ():
        for each in ids_in(_values_at_path(value, reference.path)):
            yield reference, each


def reference_at(resource: str, path: str) -> Reference | None:
    """Return the reference at this path of a resource, or None."""
    rows = RESOURCES[resource].references if resource in RESOURCES else ()
    return next((each for each in rows if each.path == path), None)


def ids_in(value: bytes | None) -> Iterator[str]:
    """Yield the GUIDs in a value that is an id or a list of ids."""
    for each in [] if value is None else elements(value) or [value]:
        text = string(each)
        if text is not None and is_guid(text):
            yield text


def _values_at_path(value: bytes | None, path: str) -> bytes | None:
    """Return the value at a path, or None."""
    for name in path.split("."):
        inner = members(value) if value is not None else None
        value = inner.get(name) if inner is not None else None
    return value
