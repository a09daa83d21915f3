"""Store plans, the id map, results of operations, and passwords of created users."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Table

from shared.adapters.catalog.audit import append
from shared.adapters.catalog.schema import (
    id_map,
    jobs,
    restore_passwords,
    restore_plan_parts,
    restore_plans,
    restore_results,
)
from shared.adapters.catalog.statements import Where
from shared.adapters.catalog.step_writes import lock_claim
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, add_absent, put_all, sealed_of
from shared.domain.audit import Action
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Claim, JobState
from shared.domain.model import Sealed
from shared.domain.restore.id_map import EntryState, MapEntry
from shared.ports.catalog.restores import OperationResult, OperationState, PlanRow, PlanState, SealedPassword


class SqlRestores:
    """``ports.catalog.restores.Restores`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def add_plan(self, claim: Claim, row: PlanRow, parts: Iterable[Sealed]) -> None:
        """Store a plan with its sealed parts in place of one that the same job has stored before. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            earlier = rows.find(restore_plans, restore_plans.c.job_id == row.job_id)
            for plan in earlier:
                rows.delete(restore_plan_parts, restore_plan_parts.c.plan_id == plan["plan_id"])
                rows.delete(restore_plans, restore_plans.c.plan_id == plan["plan_id"])
            rows.insert(restore_plans, number=rows.number(restore_plans), **msgspec.structs.asdict(row))
            for position, part in enumerate(parts):
                values = msgspec.structs.asdict(part)
                rows.insert(restore_plan_parts, plan_id=row.plan_id, position=position, **values)

    def plan(self, plan_id: str) -> PlanRow:
        """Return a plan's row in its present state. Raises Refuse ``NO_SUCH_PLAN``."""
        with self._tenancy.read() as rows:
            return self._shown(rows, _plan_row(rows, plan_id))

    def plans(self) -> list[PlanRow]:
        """Return the plans in their present state, newest first."""
        with self._tenancy.read() as rows:
            query = rows.query(restore_plans).order_by(restore_plans.c.number.desc())
            return [self._shown(rows, row) for row in rows.all(query)]

    def plan_parts(self, plan_id: str) -> Iterator[Sealed]:
        """Yield the sealed parts of a plan, in order, each in a transaction of its own."""
        position = 0
        while True:
            with self._tenancy.read() as rows:
                table = restore_plan_parts
                part = rows.one(table, table.c.plan_id == plan_id, table.c.position == position)
            if part is None:
                return
            yield sealed_of(part)
            position += 1

    def check_ready(self, plan_id: str) -> None:
        """Raise Refuse ``NO_SUCH_PLAN``, ``PLAN_EXPIRED``, ``BUSY`` or ``WRONG_USE`` unless a new restore may begin."""
        row = self.plan(plan_id)
        _check_move(row, row.state, PlanState.RUNNING)

    def move_plan(self, plan_id: str, state: PlanState, restore_job: str | None = None) -> PlanRow:
        """Change a plan's state. Raises Refuse ``NO_SUCH_PLAN``, ``PLAN_EXPIRED``, ``BUSY`` and ``WRONG_USE``."""
        with self._tenancy.write() as rows:
            row = _plan_row(rows, plan_id, lock=True)
            before = self._shown(rows, row)
            if _is_repeated(row, state, restore_job):
                return before
            _check_move(before, PlanState(row["state"]), state)
            job = {} if restore_job is None else {"restore_job": restore_job}
            rows.update(restore_plans, restore_plans.c.plan_id == plan_id, state=state, **job)
            if state is PlanState.WITHDRAWN:
                append(rows, Action.PLAN_WITHDRAWN, {"plan": plan_id})
            return self._shown(rows, _plan_row(rows, plan_id))

    def intend(self, claim: Claim, entries: Sequence[MapEntry]) -> None:
        """Store entries of the id map unless their old ids have one. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            add_entries(rows, entries)

    def record_created(self, claim: Claim, entries: Sequence[MapEntry]) -> None:
        """Store the new ids of created objects. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            put_all(rows.connection, id_map, [_stored_entry(rows, each) for each in entries])

    def forget_intended(self, claim: Claim, old_ids: Sequence[str]) -> None:
        """Delete entries whose objects were certainly not created. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            for old_id in old_ids:
                rows.delete(id_map, id_map.c.old_id == old_id.lower(), id_map.c.state == EntryState.INTENDED.value)

    def map_entries(self) -> list[MapEntry]:
        """Return the whole id map of the tenant, by old id."""
        with self._tenancy.read() as rows:
            return [_entry_of(row) for row in rows.all(rows.query(id_map).order_by(id_map.c.old_id))]

    def add_results(self, claim: Claim, results: Sequence[OperationResult]) -> None:
        """Store results, and replace those of the same numbers. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            put_all(rows.connection, restore_results, [_stored_result(rows, claim.job_id, each) for each in results])

    def adopt(self, claim: Claim, job_id: str) -> None:
        """Copy the results of an earlier restore, and take over its passwords. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            earlier = rows.find(restore_results, restore_results.c.job_id == job_id)
            add_absent(rows.connection, restore_results, [{**row, "job_id": claim.job_id} for row in earlier])
            rows.update(restore_passwords, restore_passwords.c.job_id == job_id, job_id=claim.job_id)

    def states(self, job_id: str) -> dict[int, OperationState]:
        """Return the state of each result of a restore by the operation's number."""
        columns = restore_results.c
        with self._tenancy.read() as rows:
            query = rows.query(restore_results, columns.job_id == job_id)
            stored = rows.all(query.with_only_columns(columns.number, columns.state))
        return {row["number"]: OperationState(row["state"]) for row in stored}

    def results(self, job_id: str, states: Collection[OperationState] = tuple(OperationState)) -> list[OperationResult]:
        """Return the results of a restore in these states, by number."""
        with self._tenancy.read() as rows:
            chosen = _of_job(rows, restore_results, job_id, restore_results.c.state.in_(states))
            return [_result_of(row) for row in chosen]

    def keep_passwords(self, claim: Claim, passwords: Sequence[SealedPassword]) -> None:
        """Store sealed passwords, and replace those of the same numbers. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            stored = [
                {**_key(rows, claim.job_id, each.number), **msgspec.structs.asdict(each.sealed)} for each in passwords
            ]
            put_all(rows.connection, restore_passwords, stored)

    def passwords(self, job_id: str) -> list[SealedPassword]:
        """Return the passwords of a restore that were not handed out yet, by number."""
        with self._tenancy.read() as rows:
            stored = _of_job(rows, restore_passwords, job_id)
            return [SealedPassword(number=row["number"], sealed=sealed_of(row)) for row in stored]

    def forget_passwords(self, job_id: str) -> int:
        """Delete the passwords of a restore because they were handed out. Return how many."""
        with self._tenancy.write() as rows:
            count = rows.delete(restore_passwords, restore_passwords.c.job_id == job_id)
            if count:
                append(rows, Action.PASSWORDS_HANDED_OUT, {"job": job_id}, {"passwords": count})
            return count

    def _shown(self, rows: Rows, row: RowMapping) -> PlanRow:
        """Return the plan in a row, in its present state."""
        state = PlanState(row["state"])
        if state is PlanState.READY and row["expires_at"] <= self._tenancy.database.now(rows.connection):
            state = PlanState.EXPIRED
        if state is PlanState.RUNNING and _has_ended(rows, row["restore_job"]):
            state = PlanState.DONE
        fields = {name: row[name] for name in PlanRow.__struct_fields__}
        return PlanRow(**{**fields, "state": state})


def add_entries(rows: Changes, entries: Iterable[MapEntry]) -> None:
    """Insert entries of the id map, except those whose old ids have one."""
    add_absent(rows.connection, id_map, [_stored_entry(rows, each) for each in entries])


def _check_move(shown: PlanRow, stored: PlanState, state: PlanState) -> None:
    """Raise Refuse unless a plan may change to ``state``. ``shown`` is its row in its present state."""
    plan = f"The plan {shown.plan_id}"
    advice = "Make a new one with 'entrakeep plan make'."
    if shown.state is PlanState.EXPIRED:
        raise Refuse(Code.PLAN_EXPIRED, f"{plan} expired at {shown.expires_at:%Y-%m-%dT%H:%M:%SZ}. {advice}")
    if shown.state is PlanState.RUNNING and state is not PlanState.DONE:
        sentence = f"{plan} is being carried out: see 'entrakeep jobs show {shown.restore_job}'."
        raise Refuse(Code.BUSY, sentence)
    allowed = {
        PlanState.READY: {PlanState.RUNNING, PlanState.WITHDRAWN},
        PlanState.RUNNING: {PlanState.RUNNING, PlanState.DONE},
    }
    if state not in allowed.get(stored, ()):
        word = "was carried out already" if shown.state is PlanState.DONE else f"is {shown.state}"
        raise Refuse(Code.WRONG_USE, f"{plan} {word}. {advice}")


def _is_repeated(row: RowMapping, state: PlanState, restore_job: str | None) -> bool:
    """Return True if the row has this state, and this job if one is given."""
    return row["state"] == state and restore_job in (None, row["restore_job"])


def _has_ended(rows: Rows, job_id: str | None) -> bool:
    """Return True if the job has ended or does not exist."""
    job = rows.one(jobs, jobs.c.job_id == job_id)
    return job is None or JobState(job["state"]).ended


def _plan_row(rows: Rows, plan_id: str, *, lock: bool = False) -> RowMapping:
    """Return a plan's row. Raises Refuse ``NO_SUCH_PLAN``."""
    row = rows.one(restore_plans, restore_plans.c.plan_id == plan_id, lock=lock)
    if row is None:
        sentence = f"There is no plan {plan_id} of this tenant. See 'entrakeep plan list NAME'."
        raise Refuse(Code.NO_SUCH_PLAN, sentence)
    return row


def _key(rows: Rows, job_id: str, number: int) -> dict[str, Any]:
    """Return the primary key of a row about one operation of a restore."""
    return {"tenant_id": rows.tenant_id, "job_id": job_id, "number": number}


def _of_job(rows: Rows, table: Table, job_id: str, *where: Where) -> Sequence[RowMapping]:
    """Return the rows about a restore's operations that meet the conditions, by number."""
    return rows.all(rows.query(table, table.c.job_id == job_id, *where).order_by(table.c.number))


def _stored_entry(rows: Rows, entry: MapEntry) -> dict[str, Any]:
    """Return an entry's row. Ids are stored in lower case."""
    return {
        "tenant_id": rows.tenant_id,
        **msgspec.structs.asdict(entry),
        "old_id": entry.old_id.lower(),
        "first_id": entry.first_id.lower(),
        "current_id": entry.current_id and entry.current_id.lower(),
    }


def _entry_of(row: RowMapping) -> MapEntry:
    """Return the entry in a row."""
    fields = {name: row[name] for name in MapEntry.__struct_fields__}
    return MapEntry(**{**fields, "state": EntryState(row["state"])})


def _stored_result(rows: Rows, job_id: str, result: OperationResult) -> dict[str, Any]:
    """Return the row of an operation's result."""
    return {
        **_key(rows, job_id, result.number),
        "state": result.state,
        "code": result.code,
        "request_id": result.request_id,
        "at": result.at,
        **msgspec.structs.asdict(result.detail),
    }


def _result_of(row: RowMapping) -> OperationResult:
    """Return the result in a row."""
    return OperationResult(
        number=row["number"],
        state=OperationState(row["state"]),
        code=row["code"],
        request_id=row["request_id"],
        at=row["at"],
        detail=sealed_of(row),
    )
