"""Browse: some records of a snapshot, for a person to look at."""

from collections.abc import Collection, Iterator

from shared.domain.model import JobKind, Tenant
from shared.domain.records import encode_id
from shared.engine.context import Context
from shared.engine.here import begun_here
from shared.engine.reading import records


def browse(
    context: Context,
    tenant: Tenant,
    snapshot: str,
    resources: Collection[str] = (),
    search: str | None = None,
    object_id: str | None = None,
) -> Iterator[tuple[str, bytes]]:
    """``(key, value)`` of each record that matches: ``search`` is found in its key or value without regard to case (as
    the text stands in the JSON), ``object_id`` is one of the ids in its key."""
    wanted = encode_id(object_id) if object_id is not None else None
    needle = search.casefold() if search is not None else None
    with begun_here(context, tenant, JobKind.BROWSE, snapshot) as (work, manifest):
        for key, text in records(context, work.custody, manifest, resources, work.check):
            if wanted is not None and wanted not in key.split(b"/")[1::2]:
                continue
            if needle is not None and needle not in (key + b" " + text).decode("utf-8", "replace").casefold():
                continue
            yield key.decode(), text
