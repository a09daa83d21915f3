"""Rows of the table for what Graph lists, shows once, or keeps below other objects: a resource with its stream."""

from typing import NamedTuple

import msgspec

from shared.domain.resources.table import Children, Reading, Resource, Rhythm, Stream


class Row(NamedTuple):
    """A resource and the stream that feeds it alone."""

    resource: Resource
    stream: Stream


def listed(
    resource: Resource,
    *,
    collection: str = "",
    select: tuple[str, ...] = (),
    filter: str = "",
    expand: str = "",
    key: str = "id",
    needs: str = "",
    silent: bool = False,
    top: int = 0,
    rhythm: Rhythm = Rhythm.ALWAYS,
    bucket: str = "directory",
    paged: bool = False,
    units: int = 1,
    absent: bool = False,
) -> Row:
    """Return the row of a collection that is listed whole. The arguments are those of ``Stream``.

    ``collection`` is needed only if its objects are fetched from another path, as those of a derived type are.
    """
    path = resource.path.partition("?")[0]
    stream = Stream(
        name=resource.resource,
        reading=Reading.LISTING,
        path=path,
        collection=collection or path,
        resource=resource.resource,
        select=select,
        filter=filter,
        expand=expand,
        key=key,
        needs=needs,
        silent=silent,
        top=top,
        rhythm=rhythm,
        bucket=bucket,
        paged=paged,
        units=units,
        absent=absent,
    )
    return _row(resource, stream)


def single(
    resource: Resource, *, absent: bool = False, rhythm: Rhythm = Rhythm.ALWAYS, bucket: str = "directory"
) -> Row:
    """Return the row of an object of which a directory has one. The arguments are those of ``Stream``."""
    stream = Stream(
        name=resource.resource,
        reading=Reading.SINGLETON,
        path=resource.path,
        collection=resource.path,
        resource=resource.resource,
        absent=absent,
        rhythm=rhythm,
        bucket=bucket,
    )
    return _row(resource, stream)


def below(
    resource: Resource,
    children: Children,
    *,
    owners: str,
    listing: str = "",
    expand: str = "",
    key: str = "id",
    needs: str = "",
    rhythm: Rhythm = Rhythm.ALWAYS,
    bucket: str = "directory",
    paged: bool = False,
    units: int = 1,
) -> Row:
    """Return the row of what exists below each object of the collection ``owners``, such as ``/applications``.

    ``listing`` lists those owners that can have children, if it is not ``owners``. The other arguments are those of
    ``Stream``.
    """
    stream = Stream(
        name=resource.resource,
        reading=Reading.CHILDREN,
        path=listing or owners,
        collection=owners,
        resource=resource.resource,
        children=children,
        expand=expand,
        key=key,
        needs=needs,
        rhythm=rhythm,
        bucket=bucket,
        paged=paged,
        units=units,
    )
    return _row(resource, stream)


def _row(resource: Resource, stream: Stream) -> Row:
    """Return the row with the stream's name in the resource."""
    return Row(msgspec.structs.replace(resource, stream=stream.name), stream)
