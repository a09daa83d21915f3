"""Plans and results in SQL: sealed under the tenant's data key for secrets, like its credentials."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from shared.domain.model import Sealed
from shared.domain.restore.operations import Plan
from shared.domain.restore.plan_text import lines_of, plan_of, sha256_of
from shared.domain.restore.results import ResultDetail
from shared.engine.keys.credentials import open_secret, seal_secret
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import PlanRow, PlanState
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.format import pack, unpack


def store_plan(work: Work, plan: Plan, *, reason: str | None) -> PlanRow:
    """Seal and store a plan that this job has made. Return its row. Raise what ended the claim or the lease."""
    limits = work.context.limits
    now = work.context.clock.now()
    row = PlanRow(
        plan_id=plan.plan_id,
        job_id=work.claim.job_id,
        snapshot_id=plan.snapshot,
        live_id=plan.live,
        state=PlanState.READY,
        created_at=now,
        expires_at=now + timedelta(hours=limits.plan_hours),
        sha256=sha256_of(lines_of(plan)),
        operations=len(plan.operations),
        impossible=len(plan.impossible),
        reason=reason,
        undone_job=plan.undone_job,
    )
    sealed = [_sealed(work, text) for text in _parts(lines_of(plan), limits.plan_part_bytes)]
    work.catalog.restores.add_plan(work.claim, row, sealed)
    return row


def plan_lines(catalog: TenantCatalog, keys: ProcessKeys, plan_id: str) -> Iterator[bytes]:
    """Yield the lines of a stored plan's text. Raise what opening raises."""
    for part in catalog.restores.plan_parts(plan_id):
        text = unpack(open_secret(keys, catalog.tenant_id, part))
        yield from text.splitlines(keepends=True)


def stored_plan(catalog: TenantCatalog, keys: ProcessKeys, plan_id: str) -> Plan:
    """Return a stored plan. Raise Refuse ``NO_SUCH_PLAN``, and what opening raises."""
    catalog.restores.plan(plan_id)
    return plan_of(plan_lines(catalog, keys, plan_id))


def seal_detail(work: Work, detail: ResultDetail) -> Sealed:
    """Seal the part of an operation's result that describes the directory."""
    return seal_secret(work.keys.secrets(), work.claim.tenant_id, msgspec.json.encode(detail))


def open_detail(catalog: TenantCatalog, keys: ProcessKeys, sealed: Sealed) -> ResultDetail:
    """Return the part of an operation's result that describes the directory. Raise what opening raises."""
    return msgspec.json.decode(open_secret(keys, catalog.tenant_id, sealed), type=ResultDetail)


def _sealed(work: Work, text: bytes) -> Sealed:
    """Return a part of a plan, compressed and sealed."""
    work.check()
    return seal_secret(work.keys.secrets(), work.claim.tenant_id, pack(text))


def _parts(lines: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Yield the lines joined into parts of about ``most`` bytes."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        part.append(line)
        size += len(line)
        if size >= most:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)
