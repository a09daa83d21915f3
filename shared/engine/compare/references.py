"""The objects that a record names in its properties, as the resource table says."""

from collections.abc import Iterator

from shared.domain.json_text import elements, string, values_at
from shared.domain.records import is_guid
from shared.domain.resources import RESOURCES, Reference, ReferenceKind

_BY_ID = frozenset({ReferenceKind.OBJECT, ReferenceKind.APP_ID})


def references(resource: str, value: bytes) -> Iterator[tuple[Reference, str]]:
    """Yield the ids that a record names, each with the reference that names it. Values other than GUIDs are skipped.

    References inside texts are left out, and references that may name objects of other directories.
    """
    for reference in _named_by(resource):
        if reference.kind in _BY_ID and not reference.foreign:
            for inner in values_at(value, reference.path.split(".")):
                yield from ((reference, each) for each in ids_in(inner) if each.lower() not in reference.words)


def reference_at(resource: str, path: str) -> Reference | None:
    """Return the reference at this path of a resource that names protected objects, or None."""
    return next((each for each in _named_by(resource) if each.path == path), None)


def ids_in(value: bytes | None) -> Iterator[str]:
    """Yield the GUIDs in a value that is an id or a list of ids."""
    for each in [] if value is None else elements(value) or [value]:
        text = string(each)
        if text is not None and is_guid(text):
            yield text


def _named_by(resource: str) -> Iterator[Reference]:
    """Yield the references of a resource's records to protected objects."""
    if resource in RESOURCES:
        yield from (each for each in RESOURCES[resource].references if each.resources)
