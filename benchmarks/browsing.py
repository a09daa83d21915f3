"""Browse a tenant's snapshots as ``entrakeep browse --json`` does, and print the measurements as JSON.

Runs as a separate process in the home of a backup. Settings come from the environment. The lines are dropped. Arguments:

- ``search TEXT``: search the newest snapshot.
- ``history ID``: read an object's history through all snapshots.
"""

import sys
import time
from collections.abc import Iterator

import msgspec

from benchmarks.measure import Measure, peak
from console.cli.comparisons.history import event_document
from console.documents.snapshots import record_line
from shared import wiring
from shared.domain.model import Tenant
from shared.engine.compare.history import history
from shared.engine.context import Context
from shared.engine.snapshots.browse import browse


def measured(how: str, what: str) -> Measure:
    """Measure one way to browse, from the request to the end of its job."""
    context = wiring.command_context()
    tenant = context.catalog.tenants()[0]
    started_at, cpu_before = time.perf_counter(), time.process_time()
    lines, size, steps = 0, 0, dict[str, float]()
    for line in (_search if how == "search" else _history)(context, tenant, what):
        lines, size = lines + 1, size + len(line)
        steps.setdefault("first line", time.perf_counter() - started_at)
    return Measure(
        seconds=time.perf_counter() - started_at,
        cpu_seconds=time.process_time() - cpu_before,
        peak=peak(),
        counts={
            "lines": lines,
            "json": size,
            "snapshots": len(context.catalog.tenant(tenant.tenant_id).snapshots.all()),
        },
        steps=steps,
    )


def _search(context: Context, tenant: Tenant, text: str) -> Iterator[bytes]:
    """Yield the line of each record that contains a text."""
    for key, value in browse(context, tenant, "latest", search=text):
        yield record_line(key, value)


def _history(context: Context, tenant: Tenant, object_id: str) -> Iterator[bytes]:
    """Yield the line of each event of an object."""
    with history(context, tenant, "latest", object_id) as opened:
        yield from map(event_document, opened.events())


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measured(*sys.argv[1:])))
