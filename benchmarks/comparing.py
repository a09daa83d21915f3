"""Compare a tenant's two newest snapshots as ``entrakeep compare --json`` does, and print the measurements as JSON.

Runs as a separate process in the home of a backup. Settings come from the environment. The document is dropped.
"""

import sys
import time

import msgspec

from benchmarks.measure import Measure, peak
from console.cli.comparisons.as_json import json_document
from shared import wiring
from shared.engine.compare.comparing import compared
from shared.engine.compare.scope import Scope


def compare() -> Measure:
    """Measure one comparison, from the request to the end of its job."""
    context = wiring.command_context()
    tenant = context.catalog.tenants()[0]
    after, before = context.catalog.tenant(tenant.tenant_id).snapshots.all()[:2]
    started_at, cpu_before = time.perf_counter(), time.process_time()
    with compared(context, tenant, before.snapshot_id, after.snapshot_id, Scope()) as comparison:
        size = sum(map(len, json_document(comparison, summary=False)))
    return Measure(
        seconds=time.perf_counter() - started_at,
        cpu_seconds=time.process_time() - cpu_before,
        peak=peak(),
        counts={"differences": sum(number.total() for number in comparison.counts.values()), "json": size},
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(compare()))
