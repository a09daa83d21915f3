"""A catalog with many tenants, jobs and snapshots, for measurements of lists: rows as the product writes them."""

import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.open import opened
from shared.adapters.catalog.schema import data_keys, jobs, key_health, refusals, schedules, snapshots, steps, tenants
from shared.domain.resources import RESOURCES, STREAMS

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5d2a-0000-4000-8000-000000000001"
_CRONS = [f"{minute} {hour} * * *" for minute in range(0, 60, 7) for hour in ("*", "*/6", "3", "*/2")]
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
_BATCH = 5_000
Row = dict[str, Any]


def seed_fleet(url: str, number: int, rows: int, now: datetime | None = None) -> None:
    """Insert ``number`` tenants with ``rows`` backups and ``rows`` snapshots in all into the migrated catalog at ``url``.

    Of a hundred tenants some are late, paused, without a schedule or never backed up, two have a refused key, and five run a
    backup now.
    """
    chance = random.Random(17)
    now = now or datetime.now(UTC)
    ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(number)]
    each_has = rows // number
    running = [each for n, each in enumerate(ids) if n % 20 == 3]
    _insert(url, tenants, (_tenant(n, each, now) for n, each in enumerate(ids)))
    _insert(url, schedules, (_schedule(n, each, now) for n, each in enumerate(ids) if n % 100 != 50))
    _insert(url, key_health, (_health(each, now) for each in ids))
    _insert(url, refusals, (_refusal(each, now) for n, each in enumerate(ids) if n % 100 in (7, 57)))
    _insert(url, jobs, (row for n, each in enumerate(ids) for row in _backups(n, each, each_has, now)))
    _insert(url, snapshots, (row for n, each in enumerate(ids) for row in _snapshots(n, each, each_has, now)))
    _insert(url, data_keys, (row for each in ids for row in _data_keys(each, each_has, now)))
    _insert(url, jobs, (_running(each, each_has, now) for each in running))
    _insert(url, steps, (row for each in running for row in _steps(each, each_has)))


def _insert(url: str, table: Table, rows: Iterable[Row]) -> None:
    """Insert rows in transactions of some thousand."""
    database = opened(url, migrate=False)
    batch: list[Row] = []
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                _write(database, table, batch)
        if batch:
            _write(database, table, batch)
    finally:
        database.close()


def _write(database: Database, table: Table, batch: list[Row]) -> None:
    """Insert the batch in one transaction, and empty it."""
    with database.write(EVERY_TENANT) as (connection, _):
        connection.execute(insert(table), batch)
    batch.clear()


def _id(tenant: str, kind: str, n: int) -> str:
    """Return an id that belongs to this row."""
    return str(uuid.uuid5(uuid.UUID(tenant), f"{kind} {n}"))


def _tenant(n: int, tenant: str, now: datetime) -> Row:
    directory = _id(tenant, "directory", 0)
    return {
        "tenant_id": tenant,
        "name": f"tenant-{n:05d}",
        "directory_id": directory,
        "claimed_directory": directory,
        "client_id": _id(tenant, "client", 0),
        "created_at": now - timedelta(days=400, seconds=n),
        "key_mode": "provider",
        "key_arn": ARN,
        "key_epoch": 1,
    }


def _schedule(n: int, tenant: str, now: datetime) -> Row:
    return {
        "tenant_id": tenant,
        "cron": _CRONS[n % len(_CRONS)],
        "timezone": _ZONES[n % len(_ZONES)],
        "paused": n % 100 == 60,
        "next_due": now + timedelta(minutes=n % 60),
    }


def _health(tenant: str, now: datetime) -> Row:
    return {
        "tenant_id": tenant,
        "turn": 1,
        "next_probe": now + timedelta(seconds=60),
        "arn": ARN,
        "condition": "ok",
        "since": now - timedelta(days=400),
        "message": "",
        "checked_at": now,
        "warnings": [],
    }


def _refusal(tenant: str, now: datetime) -> Row:
    return {"tenant_id": tenant, "arn": ARN, "at": now, "since": now - timedelta(hours=2), "message": "Disabled."}


def _ages(n: int, count: int) -> list[timedelta]:
    """Return how long ago the tenant's backups ran, oldest first: hourly, the last one up to two days ago."""
    last = timedelta(hours=(n % 12) ** 2 / 3, minutes=n % 50)
    return [last + timedelta(hours=count - 1 - index) for index in range(count)]


def _backups(n: int, tenant: str, count: int, now: datetime) -> Iterator[Row]:
    """Yield ended backups. Each twentieth has failed."""
    for index, age in enumerate(_ages(n, count)):
        failed = index % 20 == 19
        yield {
            **_job(tenant, index + 1, now - age),
            "state": "failed" if failed else "succeeded",
            "code": "GRAPH_UNREACHABLE" if failed else None,
            "message": "Graph did not answer." if failed else None,
            "finished_at": now - age + timedelta(minutes=2),
            "snapshot": None if failed else _id(tenant, "snapshot", index),
            "open_phase": 4,
            "open_steps": 0,
        }


def _job(tenant: str, number: int, at: datetime) -> Row:
    return {
        "tenant_id": tenant,
        "job_id": _id(tenant, "job", number - 1),
        "number": number,
        "kind": "backup",
        "asked": "schedule",
        "here": False,
        "cancel": False,
        "created_at": at - timedelta(seconds=1),
        "started_at": at,
        "due_at": at - timedelta(seconds=2),
        "full": False,
    }


def _snapshots(n: int, tenant: str, count: int, now: datetime) -> Iterator[Row]:
    """Yield snapshots. The newest has the report of a whole directory, the others a short one. Some are incomplete."""
    for index, age in enumerate(_ages(n, count)):
        if n % 100 == 90 or index % 20 == 19:
            continue
        complete = n % 10 != 4 or index < count - 3
        names = list(RESOURCES) if index >= count - 2 else list(RESOURCES)[:20]
        answers = ["whole" if complete or place else "forbidden" for place in range(len(names))]
        yield {
            "tenant_id": tenant,
            "snapshot_id": _id(tenant, "snapshot", index),
            "number": index + 1,
            "job_id": _id(tenant, "job", index),
            "parent": _id(tenant, "snapshot", index - 1) if index % 20 else None,
            "created_at": now - age + timedelta(minutes=2),
            "manifest_sha256": "f" * 64,
            "data_key_id": "d" * 64,
            "objects": 48_112 + n,
            "links": 92_000,
            "complete": complete,
            "resources": [
                {"resource": name, "answer": answer, "records": 12, "added": 0, "removed": 0, "changed": 1}
                for name, answer in zip(names, answers, strict=True)
            ],
            "going": False,
        }


def _data_keys(tenant: str, count: int, now: datetime) -> Iterator[Row]:
    for index in range(count):
        yield {
            "tenant_id": tenant,
            "data_key_id": f"{uuid.uuid5(uuid.UUID(tenant), f'key {index}').hex}{'0' * 32}",
            "generation": 1,
            "purpose": "backup",
            "arn": ARN,
            "key_epoch": 1,
            "context": {"tenant": tenant, "purpose": "backup"},
            "wrapped": b"\0" * 180,
            "created_at": now,
            "job_id": _id(tenant, "job", index),
        }


def _running(tenant: str, count: int, now: datetime) -> Row:
    """Return a backup that runs now."""
    row = _job(tenant, count + 1, now)
    return {**row, "state": "running", "open_phase": 1, "open_steps": len(STREAMS)}


def _steps(tenant: str, count: int) -> Iterator[Row]:
    """Yield the steps of the running backup. Two thirds are done."""
    for index, name in enumerate(STREAMS):
        yield {
            "tenant_id": tenant,
            "step_id": _id(tenant, "step", index),
            "job_id": _id(tenant, "job", count),
            "phase": 1,
            "name": name,
            "state": "queued" if index % 3 == 0 else "done",
            "progress": [],
            "fence": 1,
            "claims_lost": 0,
            "sends": 0,
            "send_at": None,
        }
